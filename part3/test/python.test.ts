/** Python's frameworks on the gateway, over each transport. All else about them is in shared/adapters. */
import { describeEveryApp, PYTHON } from '../../shared/harness/contract/every-app.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';
import { TRANSPORTS } from '../../shared/harness/transport.ts';

for (const transport of TRANSPORTS) describeEveryApp(gatewaysOf('part3', transport), PYTHON);
