"""The gateway as a process: started with a configuration, its log read as it is written."""
import json
import signal
import subprocess
import threading

START_SECONDS = 10.0    # generous: a build with sanitizers on a busy machine
STOP_SECONDS = 10.0


def command(binary, config, check=False):
    return [binary, 'check' if check else 'serve', config]


class Gateway:
    def __init__(self, binary, config, directory, env, pass_fds=(), before=()):
        """`config` is a path; `directory` is where the gateway runs. `before`: a command that runs the one that
        follows it."""
        self.lines, self.address, self.ended = [], None, False
        self.changed = threading.Condition()
        self.process = subprocess.Popen([*before, *command(binary, config)], cwd=directory, env=env, text=True, errors='replace',
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        pass_fds=pass_fds)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for(lambda: self.address or self.ended, START_SECONDS)
        if not self.address:
            self.process.kill()
            self.reader.join()
            raise RuntimeError('\n'.join([f'the gateway did not start, exit status {self.process.wait()}:', *self.lines]))

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip('\n'))
                if record(line).get('message') == 'listening':
                    self.address = record(line)['address']
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, test, seconds):
        """Waits for something that the log will tell; False: it did not come."""
        with self.changed:
            return self.changed.wait_for(test, seconds)

    def signal(self, name):
        self.process.send_signal(getattr(signal, 'SIG' + name))

    def exit_status(self):
        """None: still running after STOP_SECONDS."""
        try:
            status = self.process.wait(STOP_SECONDS)
            self.reader.join(STOP_SECONDS)
            return status
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def record(line):
    """A line of the log as an object; empty if it is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
