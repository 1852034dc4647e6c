/** The checks of part 3, in their order: a ladder of servers that take many requests, each with its own price. */
import type { Check } from './check.ts';
import { aProcessForEach, noByteIsLost } from './part3-children.ts';
import { isolation, signalsAreFlags, theDeadStay } from './part3-deaths.ts';
import { descriptorsComeBack, resourcesEnd } from './part3-descriptors.ts';
import { stoppingIsAFeature } from './part3-end.ts';
import { appsCannotTell } from './part3-gateway.ts';
import { oneProcessServesAll } from './part3-loop.ts';
import { connectedIsNotAccepted, oneAtATime, queueHasALength } from './part3-one.ts';
import { workersStay } from './part3-workers.ts';

export const PART3: readonly Check[] = [
  oneAtATime,
  connectedIsNotAccepted,
  queueHasALength,
  aProcessForEach,
  noByteIsLost,
  descriptorsComeBack,
  resourcesEnd,
  theDeadStay,
  signalsAreFlags,
  isolation,
  oneProcessServesAll,
  workersStay,
  appsCannotTell,
  stoppingIsAFeature,
];
