// Jobs are followed while the page is seen: a browser holds few streams for all its pages together.

import { isOver, jobView } from "./job_view.js";

const MILLISECONDS_BETWEEN_LOOKS = 3000;
const streams = new Set();
const followed = new Map();

document.addEventListener("visibilitychange", () => streams.forEach((each) => (document.hidden ? each.pause() : each.open())));

// Tells of a job until it is over or the stream is closed; `seldom`: looked at now and then, without holding a stream.
export function listen(job, { onProgress = () => {}, onJob = () => {}, onLost = () => {} }, { seldom = false } = {}) {
  let source = null, timer = null, after = 0;
  const stream = { open, pause, close };

  function open() {
    pause();
    source = new EventSource(`/api/jobs/${job}/events?after=${after}`);
    source.addEventListener("progress", (event) => {
      after = event.lastEventId;
      onProgress(JSON.parse(event.data));
    });
    source.addEventListener("job", (event) => {
      const told = JSON.parse(event.data);
      if (isOver(told)) close();
      else if (seldom) lookAgain();
      onJob(told);
    });
    source.addEventListener("error", () => onLost(source.readyState === EventSource.CLOSED));
  }

  function lookAgain() {
    pause();
    timer = setTimeout(open, MILLISECONDS_BETWEEN_LOOKS);
  }

  function pause() {
    clearTimeout(timer);
    source?.close();
  }

  function close() {
    pause();
    streams.delete(stream);
  }

  streams.add(stream);
  if (!document.hidden) open();
  return stream;
}

// Shows a job in a place, instead of the one that was followed there.
export function follow(job, place, { onProgress = () => {}, onJob = () => {} } = {}) {
  unfollow(place);
  const view = jobView(place);
  let known = null, last = null;
  const show = () => known && view.show(known, last);
  const stream = listen(job, {
    onProgress(told) {
      last = told.at(-1);
      show();
      onProgress(told);
    },
    onJob(told) {
      if (known && told.step !== known.step) last = null;
      known = told;
      show();
      onJob(told);
    },
    onLost: (isClosed) => (isClosed && !known ? view.none(job) : view.say("The lab does not answer.")),
  });
  followed.set(place, stream);
}

export function unfollow(place) {
  followed.get(place)?.close();
  followed.delete(place);
  place.replaceChildren();
}
