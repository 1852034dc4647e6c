/** Each fixture, in however many pieces it comes: the same requests, the same refusal. */
import { describe, expect, test } from 'vitest';
import { INVALID } from '../requests/invalid/expected.ts';
import { VALID } from '../requests/valid/expected.ts';
import { cutAt, cutEach, parse, readFixtures, summaryOf } from './outcome.ts';

const valid = readFixtures('valid');
const invalid = readFixtures('invalid');

test('no fixture without an expectation, no expectation without a fixture', () => {
  expect([...valid.keys()].sort()).toEqual(Object.keys(VALID).sort());
  expect([...invalid.keys()].sort()).toEqual(Object.keys(INVALID).sort());
});

test('the bytes are as they were written: git has changed no line end', () => {
  expect(valid.get('get')?.toString()).toBe('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(invalid.get('head-ends-in-lf-lf')?.toString()).not.toContain('\r');
});

describe.each([...valid])('valid: %s', (name, bytes) => {
  const expected = VALID[name];

  test(expected?.shows ?? 'nothing expected', () => {
    const { requests, status, state } = parse([bytes]);
    expect({ status, state }).toEqual({ status: undefined, state: 'idle' });
    expect(requests.map(summaryOf)).toEqual(expected?.requests);
    expect(requests.every(({ isWhole }) => isWhole)).toBe(true);
  });

  test('however it is cut', () => expectSameHoweverCut(bytes));
});

describe.each([...invalid])('invalid: %s', (name, bytes) => {
  const expected = INVALID[name];

  test(`${expected?.status}: ${expected?.shows}`, () => {
    const { requests, status, state } = parse([bytes]);
    expect({ status, state }).toEqual({ status: expected?.status, state: 'refused' });
    const before = requests.filter(({ isWhole }) => isWhole);
    expect(before.map(summaryOf)).toEqual(expected?.requests ?? []);
  });

  test('however it is cut', () => expectSameHoweverCut(bytes));
});

function expectSameHoweverCut(bytes: Buffer): void {
  const whole = parse([bytes]);
  expect(parse(cutEach(bytes))).toEqual(whole);
  expect(parse([cutEach(bytes)])).toEqual(whole);
  for (const size of [2, 3, 7]) expect(parse(cutEach(bytes, size))).toEqual(whole);
  for (let place = 1; place < bytes.length; place++) {
    const cut = parse(cutAt(bytes, [place]));
    // A matcher for each of 16,000 places would take longer than all the parsing.
    if (JSON.stringify(cut) !== JSON.stringify(whole)) expect(cut, `at ${place}`).toEqual(whole);
  }
}
