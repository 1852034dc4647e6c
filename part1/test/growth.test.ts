import { describeGrowth } from '../../shared/checks/proof/describe-growth.ts';

describeGrowth('part1');
