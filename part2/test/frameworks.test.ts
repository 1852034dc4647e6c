/** The point of it all: every framework, unchanged, on a server that has heard of none of them. */
import { describeFrameworks } from '../../shared/harness/contract/frameworks.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';

describeFrameworks(gatewaysOf('part2'));
