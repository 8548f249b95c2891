// Errors of the wire in the page's language. The gateway says them in English; what is not known here stays as it was said.
import { known, t, type Key } from './i18n/index.svelte';

/** Pattern, text, and the names of its groups in order. */
type Rule = readonly [pattern: RegExp, key: Key, ...groups: string[]];

const WHOLE: Rule[] = [
  [/^unit (\d+): (.+)$/s, 'fault.unit', 'unit', 'what'],
  [/^no answer within (.+)$/, 'fault.timeout', 'time'],
  [/^connection: (.+)$/s, 'fault.connection', 'what'],
  [/^wrong answer: (.+)$/s, 'fault.wrong', 'what'],
  [/^the text of (.+) is not taken: more than (\d+) different texts\b/s, 'fault.textsOfPoint', 'point', 'most'],
  [/^the text of (.+) is not taken: no place\b/s, 'fault.textsOfAll', 'point'],
  [/^two devices dial in with this registration\b/, 'fault.twoCallers'],
];

const PARTS: Rule[] = [
  [/^closed by the other side$/, 'fault.closed'],
  [/^not connected$/, 'fault.notConnected'],
  [/^silent, opened anew$/, 'fault.silent'],
  [/^the device has not dialled in$/, 'fault.notDialled'],
  [/^the other side takes nothing more$/, 'fault.stuck'],
  [/^Connection refused\b/, 'fault.refused'],
  [/^(?:Connection timed out|deadline has elapsed|connection timed out)\b/, 'fault.connectTimeout'],
  [/^(?:No route to host|Network is unreachable|Host is unreachable)\b/, 'fault.noRoute'],
  [/^Connection reset by peer\b/, 'fault.reset'],
  [/^failed to lookup address information\b/, 'fault.lookup'],
  [/^unit (\d+) answered$/, 'fault.otherUnit', 'unit'],
  [/^an answer of function (\d+)$/, 'fault.otherFunction', 'code'],
  [/^(\d+) bytes of values where (\d+) were asked for \(registers of four bytes\?/, 'fault.lengthOfTwo', 'got', 'wanted'],
  [/^(\d+) bytes of values where (\d+) were asked for \(registers of two bytes\?.* max_registers = (\d+)\)$/, 'fault.lengthOfFourOrMost', 'got', 'wanted', 'most'],
  [/^(\d+) bytes of values where (\d+) were asked for \(registers of two bytes\?/, 'fault.lengthOfFour', 'got', 'wanted'],
  [/^(\d+) bytes of values where (\d+) were asked for\b/, 'fault.length', 'got', 'wanted'],
  [/^a byte count of (\d+) over (\d+) bytes of values$/, 'fault.count', 'told', 'got'],
  [/^nothing but answers to nobody$/, 'fault.unasked'],
  [/^transaction id (\d+) where (\d+) was sent\b/, 'fault.transaction', 'got', 'sent'],
  [/^an empty answer$/, 'fault.empty'],
  [/^(\d+) bytes that make no frame$/, 'fault.noFrame', 'n'],
  [/^an answer was cut off$/, 'fault.cut'],
  [/^nothing but noise$/, 'fault.noise'],
  [/^no Modbus TCP frame: protocol (\d+), length (\d+)$/, 'fault.notTcp', 'protocol', 'length'],
];

function translate(text: string, rules: Rule[]): string | null {
  for (const [pattern, key, ...names] of rules) {
    const found = pattern.exec(text);
    if (!found) continue;
    const blanks = Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? '']));
    if (blanks['what'] !== undefined) blanks['what'] = faultText(blanks['what']);
    // `500ms`, `1.5s`
    if (blanks['time'] !== undefined) blanks['time'] = blanks['time'].replace(/^([\d.]+)(\D+)$/, '$1 $2');
    return t(key, blanks);
  }
  return null;
}

/** The code is hexadecimal, as in the causes. */
function exception(text: string): string | null {
  const code = /^exception ([0-9A-F]{2}), /.exec(text)?.[1];
  if (code === undefined) return null;
  const key = `cause.exception-${code.toLowerCase()}`;
  return known(key) ? t(key) : t('fault.exception', { code });
}

export function faultText(text: string): string {
  return exception(text) ?? translate(text, WHOLE) ?? translate(text, PARTS) ?? text;
}
