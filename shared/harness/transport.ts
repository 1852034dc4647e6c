/**
 * What a server can listen on and its clients connect to: a TCP port, a socket in the file system, TLS on a port.
 * The options that make a server of ours do it, and where a client then finds it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const TRANSPORTS = ['tcp', 'unix', 'tls'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** As net.connect, tls.connect and undici take it. `ca` is the one certificate that a client may trust. */
export interface Address {
  readonly transport: Transport;
  /** 0 for a socket in the file system. */
  readonly port: number;
  readonly socketPath?: string;
  readonly ca?: string;
}

/** A place to listen at that is not there yet: the options that ask for it, and what it leaves to be removed. */
export interface Door {
  readonly args: readonly string[];
  /** The line that says it is open; the port, where there is one, in the first group. */
  readonly ready: RegExp;
  toAddress(port: number): Address;
  remove(): void;
}

export function makeDoor(transport: Transport): Door {
  if (transport === 'tcp') {
    const toAddress = (port: number): Address => ({ transport, port });
    return { args: [], ready: /^.*Serving .* on port (\d+)/m, toAddress, remove: () => {} };
  }
  const folder = mkdtempSync(path.join(tmpdir(), `${transport}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (transport === 'unix') {
    const socketPath = path.join(folder, 'socket');
    const toAddress = (): Address => ({ transport, port: 0, socketPath });
    const ready = /^.*Serving HTTP on unix socket /m;
    return { args: ['--unix', socketPath], ready, toAddress, remove };
  }
  const { cert, key } = makeCertificate();
  const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const toAddress = (port: number): Address => ({ transport, port, ca: cert });
  const args = ['--tls-cert', certFile, '--tls-key', keyFile];
  return { args, ready: /^.*Serving HTTPS on port (\d+)/m, toAddress, remove };
}

/** Whether there is a certificate to be had. In CI it has to be. */
export function canMakeDoor(transport: Transport): boolean {
  if (transport !== 'tls' || process.env.CI) return true;
  return spawnSync('openssl', ['version']).status === 0;
}

let certificate: { cert: string; key: string } | undefined;

/** A certificate for this machine, signed by itself: made anew for each run, so that no key is ever kept. */
function makeCertificate(): { cert: string; key: string } {
  if (certificate) return certificate;
  const folder = mkdtempSync(path.join(tmpdir(), 'certificate-'));
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert], {
    stdio: 'pipe',
  });
  certificate = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  rmSync(folder, { recursive: true });
  return certificate;
}
