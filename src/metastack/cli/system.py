"""`metastack system`: what stacks are used for, one command a system."""

import typer

from . import (
    classify,
    estimate,
    judge_classifier,
    pattern_directions,
    system_cost,
    system_downlink,
    system_holographic,
    system_multiport,
)

app = typer.Typer(
    help="Use a stack: links, sum rates, channel estimation, classification.",
    no_args_is_help=True,
)
app.command("classify")(classify.classify)
app.command("judge-classifier")(judge_classifier.judge_classifier)
app.command("downlink")(system_downlink.downlink)
app.command("max-min")(system_downlink.max_min)
app.command("robust")(system_downlink.robust)
app.command("estimate")(estimate.estimate)
app.command("directions")(pattern_directions.directions)
app.command("holographic")(system_holographic.holographic)
app.command("multiport")(system_multiport.multiport)
app.command("angular")(system_downlink.angular)
app.add_typer(system_cost.app, name="cost")
