/**
 * A gate between a test and an application: the application connects, and waits there for the test's word. So
 * what comes first and what comes second is a matter of order and not of sleeping.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** Opens a port on which an application will call, and resolves the call as a socket when it comes. */
export async function openGate(): Promise<{
  port: number;
  opened: Promise<Socket>;
  close(): void;
}> {
  const gate = createServer();
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const opened = once(gate, 'connection').then(([socket]) =>
    // An application may end with words unread; what a test looks at is its answer.
    (socket as Socket).on('error', () => {}),
  );
  return { port: (gate.address() as { port: number }).port, opened, close: () => gate.close() };
}
