// The address: everything that restores a view.

export const address = () => new URLSearchParams(location.search);

// A value of null leaves the address; an empty one is kept, as of a field that was cleared.
export function remember(values) {
  const now = address();
  for (const [name, value] of Object.entries(values)) {
    if (value == null) now.delete(name);
    else now.set(name, value);
  }
  const text = now.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

const unlessIn = (known, values) => Object.fromEntries(Object.entries(values).filter(([name]) => !known.has(name)));

// Only what the address does not say yet.
export const rememberMissing = (values) => remember(unlessIn(address(), values));
