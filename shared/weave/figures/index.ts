/** All figures of the chapters. In goes nothing, out come the text of each file and what to say to who cannot see it. */
import type { Figure } from './draw.ts';
import { requestAnatomy, responseAnatomy } from './part1-bytes.ts';
import { goodbye, socketLife } from './part1-connection.ts';
import { stream } from './part1-stream.ts';
import { contract, mismatch } from './part2-contract.ts';
import { environ, lifeOfARequest, startResponse } from './part2-request.ts';
import { preFork, rooms } from './part3-gateway.ts';
import { acceptQueue, forkAndDescriptors } from './part3-kernel.ts';
import { door, smuggling } from './part3-outside.ts';
import { underWay } from './part3-requests.ts';
import { eventLoop, signals, zombies } from './part3-time.ts';

const ALL: Record<string, Figure> = {
  'part1/figures/socket-life.svg': socketLife,
  'part1/figures/request-anatomy.svg': requestAnatomy,
  'part1/figures/response-anatomy.svg': responseAnatomy,
  'part1/figures/stream.svg': stream,
  'part1/figures/goodbye.svg': goodbye,
  'part2/figures/mismatch.svg': mismatch,
  'part2/figures/contract.svg': contract,
  'part2/figures/environ.svg': environ,
  'part2/figures/life-of-a-request.svg': lifeOfARequest,
  'part2/figures/start-response.svg': startResponse,
  'part3/figures/accept-queue.svg': acceptQueue,
  'part3/figures/fork-and-descriptors.svg': forkAndDescriptors,
  'part3/figures/zombies.svg': zombies,
  'part3/figures/signals.svg': signals,
  'part3/figures/event-loop.svg': eventLoop,
  'part3/figures/pre-fork.svg': preFork,
  'part3/figures/rooms.svg': rooms,
  'part3/figures/under-way.svg': underWay,
  'part3/figures/smuggling.svg': smuggling,
  'part3/figures/door.svg': door,
};

/** What draws each figure, by the path of its file. */
export const FIGURES: Record<string, () => string> = mapped(({ svg }) => svg);
/** The alt text of each: what the figure says. */
export const ALTS: Record<string, string> = mapped(({ alt }) => alt);

function mapped<T>(of: (figure: Figure) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(ALL).map(([file, figure]) => [file, of(figure)]));
}
