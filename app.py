"""The switchboard: which route, clock or queue wakes which room."""

from os import environ

from chalice.app import Chalice, CloudWatchEvent, Rate, Response, SQSEvent

from chalicelib import edge, wiring

ANY = ["*/*"]

app = Chalice(app_name="rollcall")
# A form with a picture: as text it would arrive broken.
app.api.binary_types.append("multipart/form-data")


@app.route("/health", methods=["GET"])
def health() -> Response:
    return edge.answer(app.current_request, wiring.health)


@app.route("/callbacks/{source}/{door}", methods=["POST"], content_types=ANY)
def callback(source: str, door: str) -> Response:
    return edge.answer(app.current_request, wiring.receiver(source, door).receive)


@app.route("/pages/{link}", methods=["GET", "POST"], content_types=ANY)
def page(link: str) -> Response:
    return edge.answer(app.current_request, wiring.page(link).answer)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def tick(event: CloudWatchEvent) -> None:
    with edge.discreet():
        for each in wiring.ticking():
            each.tick()


@app.on_sqs_message(queue=environ.get("ROLLCALL_SYNC_QUEUE", "rollcall-sync"), batch_size=1)
def run_sync(event: SQSEvent) -> None:
    with edge.discreet():
        for source in wiring.rung(event.to_dict()):
            wiring.runner().wake(source, wiring.deadline(event.context))


@app.on_sqs_message(queue=environ.get("ROLLCALL_DELIVER_QUEUE", "rollcall-deliver"), batch_size=1)
def deliver(event: SQSEvent) -> None:
    with edge.discreet():
        for source in wiring.rung(event.to_dict()):
            wiring.deliverer().deliver(source, wiring.deadline(event.context))


@app.on_sqs_message(queue=environ.get("ROLLCALL_CHAT_QUEUE", "rollcall-chat"), batch_size=1)
def converse(event: SQSEvent) -> None:
    with edge.discreet():
        for source in wiring.called(event.to_dict()):
            wiring.converser().converse(source, wiring.deadline(event.context))


# Nothing, but in the function that vendors wait for.
wiring.preload()
