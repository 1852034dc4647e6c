/** Python's frameworks on the gateway, over what is not TCP, and with two workers. All else about them is in shared/adapters. */
import { describeEveryApp, PYTHON } from '../../shared/harness/contract/every-app.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';

describeEveryApp(gatewaysOf('part3', 'tcp', 2), PYTHON);
for (const transport of ['unix', 'tls'] as const)
  describeEveryApp(gatewaysOf('part3', transport), PYTHON);
