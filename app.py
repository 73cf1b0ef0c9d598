"""The switchboard: which route, clock or queue wakes which room."""

from os import environ

from chalice.app import Chalice, CloudWatchEvent, Rate, Response, SQSEvent

from chalicelib import edge, wiring

app = Chalice(app_name="rollcall")


@app.route("/health", methods=["GET"])
def health() -> Response:
    return edge.answer(app.current_request, wiring.health)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def tick(event: CloudWatchEvent) -> None:
    wiring.requests().tick()


@app.on_sqs_message(queue=environ.get("ROLLCALL_SYNC_QUEUE", "rollcall-sync"), batch_size=1)
def run_sync(event: SQSEvent) -> None:
    for source in wiring.rung(event.to_dict()):
        wiring.runner().wake(source, wiring.deadline(event.context))
