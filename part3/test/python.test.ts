/** Python's frameworks on the gateway, over what is not TCP. All else about them is in shared/adapters. */
import { describeEveryApp, PYTHON } from '../../shared/harness/contract/every-app.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';

for (const transport of ['unix', 'tls'] as const)
  describeEveryApp(gatewaysOf('part3', transport), PYTHON);
