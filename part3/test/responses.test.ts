/** What an application's answer becomes on the gateway, over each transport, and with two workers: part 2's suite. */
import { describeResponses } from '../../shared/harness/contract/responses.ts';
import { gatewaysOf } from '../../shared/harness/describe-stages.ts';
import { TRANSPORTS } from '../../shared/harness/transport.ts';

for (const transport of TRANSPORTS) describeResponses(gatewaysOf('part3', transport));
describeResponses(gatewaysOf('part3', 'tcp', 2));
