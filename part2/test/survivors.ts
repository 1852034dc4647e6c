/**
 * What the checks of this part let pass, of `npm run mutants`: changes that no client and no application can tell, or that
 * no standard lets a check demand. Each with its reason.
 */
import type { Excuse } from '../../shared/checks/proof/fates.ts';

export const SURVIVORS: readonly Excuse[] = [];
