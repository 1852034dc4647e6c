/** Every framework on the gateway: part 2's suite, and in short over each transport and with two workers. */
import { describeEveryApp, JAVASCRIPT } from '../../shared/harness/contract/every-app.ts';
import { describeFrameworks } from '../../shared/harness/contract/frameworks.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';
import { TRANSPORTS } from '../../shared/harness/transport.ts';

describeFrameworks(gatewaysOf('part3'));
describeEveryApp(gatewaysOf('part3', 'tcp', 2), JAVASCRIPT);
for (const transport of TRANSPORTS) describeEveryApp(gatewaysOf('part3', transport), JAVASCRIPT);
