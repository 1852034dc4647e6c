import { describeGrowth } from '../../shared/harness/describe-growth.ts';

describeGrowth('part2');
