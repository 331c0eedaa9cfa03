"""A scripted HTTP server in place of a model's provider."""
import http.server
import queue
import threading

from exchange_file import message


class Upstream:
    def __init__(self):
        self.script([])
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length'] or 0))
                upstream.requests.put((f'{self.command} {self.path}', self.headers.items(), body.decode()))
                self.answer(message(upstream.replies.pop(0) if upstream.replies else ['501']))

            def answer(self, reply):
                body = '\n'.join(reply.body or []).encode()
                self.send_response(int(reply.first))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.address = '127.0.0.1:%d' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def script(self, replies):
        """What to answer from here on, as lines of exchange files; forgets what was asked before."""
        self.replies, self.requests = replies, queue.SimpleQueue()

    def next_request(self, seconds):
        """(method and path, headers, body), or None if none comes."""
        try:
            return self.requests.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self):
        self.server.shutdown()
        self.server.server_close()
