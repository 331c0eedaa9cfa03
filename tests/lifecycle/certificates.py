"""Certificates for a gateway, made by openssl, and clients that verify them."""
import ssl
import subprocess


def openssl(folder, *arguments):
    subprocess.run(['openssl', *map(str, arguments)], cwd=folder, check=True, capture_output=True)


def new_key(name):
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
            f'{name}.key']


class Authority:
    """An authority with a certificate below it that issues those of servers."""
    def __init__(self, folder):
        self.folder = folder
        openssl(folder, 'req', '-x509', *new_key('root'), '-subj', '/CN=root', '-days', 30,
                '-out', 'root.pem')
        self.issue('issuer', 'issuer', 'root', ['basicConstraints=critical,CA:TRUE'])

    def issue(self, name, subject, authority, extensions, days=30):
        (self.folder / 'extensions').write_text('\n'.join(extensions) + '\n')
        openssl(self.folder, 'req', *new_key(name), '-subj', f'/CN={subject}', '-out', 'request')
        openssl(self.folder, 'x509', '-req', '-in', 'request', '-extfile', 'extensions', '-CA',
                f'{authority}.pem', '-CAkey', f'{authority}.key', '-CAcreateserial', '-days', days,
                '-out', f'{name}.pem')

    def server(self, name, *hosts, days=30):
        """The keys `certificate` and `key` for a certificate of these hosts."""
        names = ','.join(f'IP:{h}' if h[0].isdigit() else f'DNS:{h}' for h in hosts)
        self.issue(name, hosts[0], 'issuer', [f'subjectAltName={names}'], days)
        chain = self.folder / f'{name}.pem'
        chain.write_text(chain.read_text() + (self.folder / 'issuer.pem').read_text())
        return {'certificate': f'{name}.pem', 'key': f'{name}.key'}

    def client(self, **settings):
        """A context of a client that trusts this authority alone."""
        context = ssl.create_default_context(cafile=self.folder / 'root.pem')
        for name, value in settings.items():
            setattr(context, name, value)
        return context
