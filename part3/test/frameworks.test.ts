/** Every framework on the gateway: part 2's suite. */
import { describeFrameworks } from '../../shared/harness/contract/frameworks.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';

describeFrameworks(gatewaysOf('part3'));
