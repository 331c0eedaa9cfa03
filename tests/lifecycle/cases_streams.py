"""When what passes on its way through the gateway."""
import contextlib
import threading
import time

from checks import PATIENCE, Wrong, check, check_stream
from client import chat
from fixture import gemini, test
from provider import chunk, event
from vitals import Vitals

HEARTBEAT_SECONDS = 15.0    # plugins/chat: between two comments into silence
STEPS = 10
WAITING = 100
COMMENTS = chunk(b': x\n' * 1000) * 200
# Events of 1 KB: far beyond what the sockets on the way hold (tcp_rmem and tcp_wmem in tcp(7)).
ENDLESS = 32_000


@test
def a_silent_stream_is_kept_alive(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    began = time.monotonic()
    client = f.client(chat())
    call = f.take(provider)
    client.wait_for(': keep-alive\n\n', HEARTBEAT_SECONDS + 2.0)
    took = time.monotonic() - began
    check(took > HEARTBEAT_SECONDS - 0.5, f'the first comment came after {took:.1f} s')
    call.answer('at last')
    answer = client.answer()
    check_stream(answer)
    check(answer.body.count(b': keep-alive') == 1, 'more than one comment:', answer.body)


@test
def the_stream_starts_before_the_provider_answers(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    client = f.client(chat())
    call = f.take(provider)
    client.wait_for('"type":"start"')
    call.answer('word')
    check_stream(client.answer())


@test
def events_that_arrive_together_leave_together(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    client = f.client(chat())
    call = f.take(provider)
    call.begin()
    call.send('first')
    client.wait_for('first')
    for step in range(20):
        words = [f'{step}.{i}' for i in range(STEPS)]
        call.send(*words)
        piece = client.receive()
        missing = [word for word in words if f'"delta":"{word}"'.encode() not in piece]
        check(not missing, f'step {step}: the first piece that came is without {missing}')
    call.finish()
    check_stream(client.answer())


@test
def events_that_arrive_apart_leave_apart(f):
    """Each step waits for the one before: nothing may be held back."""
    provider = f.provider()
    f.start(*gemini(provider.address))
    client = f.client(chat())
    call = f.take(provider)
    call.begin()
    for step in range(STEPS):
        call.send(f'step {step}')
        client.wait_for(f'step {step}', 1.0)
    call.finish()
    check_stream(client.answer())


def cut_off(f, provider, prepare):
    """How long it takes until the client gets an error from a provider that does what `prepare`
    does and then nothing."""
    client = f.client(chat())
    call = f.take(provider)
    prepare(call, client)
    began = time.monotonic()
    check_stream(client.answer(), '"type":"error"')
    took = time.monotonic() - began
    check(call.is_gone(1.0), 'the connection to the provider stays open')
    return took


@test
def a_provider_that_never_answers_is_given_up(f):
    provider = f.provider()
    f.start(*gemini(provider.address, first_byte_timeout='1s', idle_timeout='30s'))
    took = cut_off(f, provider, lambda call, client: client.wait_for('"type":"start"'))
    check(0.8 < took < 2.5, f'after {took:.2f} s, not 1 s')


@test
def a_provider_that_falls_silent_is_given_up(f):
    provider = f.provider()
    f.start(*gemini(provider.address, first_byte_timeout='30s', idle_timeout='1s'))

    def fall_silent(call, client):
        call.begin()
        call.send('word')
        client.wait_for('word')
    took = cut_off(f, provider, fall_silent)
    check(0.8 < took < 2.5, f'after {took:.2f} s, not 1 s')


def flood(f, provider):
    """Responds to the chat with comments, without a pause, on a thread that ends when the
    connection does."""
    call = f.take(provider)
    call.begin()

    def pump():
        with contextlib.suppress(OSError):
            while True:
                call.sock.sendall(COMMENTS)
    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    time.sleep(0.5)     # the sockets on the way are full
    return thread


def check_cut_off(flooding, seconds):
    flooding.join(seconds)
    check(not flooding.is_alive(), f'{seconds} s later the provider is still read from')


@test
def a_provider_that_never_pauses_ends_with_the_time_of_the_request(f):
    provider = f.provider()
    f.start(*gemini(provider.address), server={'max_duration': '1s'})
    client = f.client(chat())
    flooding = flood(f, provider)
    check_stream(client.answer(), '"type":"error"')
    check_cut_off(flooding, 1.0)


@test
def a_client_that_leaves_a_provider_that_never_pauses_ends_it(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    client = f.client(chat())
    flooding = flood(f, provider)
    client.leave()
    check_cut_off(flooding, 3.0)


@test
def a_provider_that_never_pauses_does_not_hold_up_the_end_of_the_gateway(f):
    provider = f.provider()
    f.start(*gemini(provider.address), shutdown={'grace': '1s'})
    client = f.client(chat())
    flooding = flood(f, provider)
    f.stop()
    check_stream(client.answer(), '"type":"error"')
    check_cut_off(flooding, 1.0)


@test
def a_client_that_does_not_read_stops_the_provider_and_is_given_up(f):
    """Unread text may fill the sockets on its way, not the memory of the gateway."""
    provider = f.provider()
    f.start('health', *gemini(provider.address), server={'send_timeout': '3s'})
    f.check_healthy()
    vitals = Vitals(f.pid)
    client = f.client(chat(), rcvbuf=4096)
    call = f.take(provider)
    client.wait_for('"type":"start"')
    call.begin()
    try:
        sent = call.send_until_stuck(chunk(event('x' * 1000)) * ENDLESS)
    except ConnectionError as error:
        raise Wrong(f'the client is given up at once, not after send_timeout: {error}') from None
    stuck = time.monotonic() - 1.0
    check(sent < ENDLESS * 1000, 'the provider was never held up')
    check(vitals.grown_mb() < 16, f'memory grew by {vitals.grown_mb():.0f} MiB')
    check(call.is_gone(PATIENCE), 'the connection to the provider stays open')
    took = time.monotonic() - stuck
    check(2.5 < took < 6.0, f'given up after {took:.1f} s, not 3 s')
    client.wait_end()
    check(not client.data.endswith(b'\r\n0\r\n\r\n'), 'an answer that was cut looks complete')


@test
def a_chat_that_waits_for_the_model_sleeps(f):
    """Also when others could come to share its answer."""
    provider = f.provider()
    f.start('extension-auth', 'chat', 'cache', *gemini(provider.address, probe_interval=False)[2:])
    for number in range(WAITING):
        f.client(chat(f'Question {number}')).wait_for('"type":"start"')
        f.take(provider)
    time.sleep(0.5)
    before = f.switches()
    time.sleep(1.0)
    woken = f.switches() - before
    check(woken < WAITING, f'{WAITING} chats woke up {woken} times in a second')


@test
def a_large_body_reaches_a_provider_that_is_slower_than_the_client(f):
    provider = f.provider()
    f.start(*gemini(provider.address))
    image = 'x' * (16 << 20)    # more than the sockets on the way hold
    client = f.client(chat(image))
    call = f.take(provider)
    check(image.encode() in call.body, 'the body is not what it was')
    call.answer('seen')
    check_stream(client.answer())
