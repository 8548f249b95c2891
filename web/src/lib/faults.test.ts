// Errors as the gateway says them, in the language of the page.
import { describe, expect, it } from 'vitest';
import { faultText } from './faults';
import { i18n } from './i18n/index.svelte';

describe('errors', () => {
  it.each([
    ['exception 02, Illegal data address', '异常 02 无此寄存器', 'Exception 02, no such register'],
    // Decimal in the text, hexadecimal in the name of the cause.
    ['exception 0B, Gateway target device failed to respond', '异常 0B 目标无应答', 'Exception 0B, target silent'],
    ['exception 55, which the specification does not know', '异常 55', 'Exception 55'],
    ['no answer within 500ms', '500 ms 内没有应答', 'No answer within 500 ms'],
    ['unit 3: no answer within 1.5s', '站 3：1.5 s 内没有应答', 'Unit 3: No answer within 1.5 s'],
    ['connection: Connection refused (os error 111)', '连接：对方拒绝连接，查端口与设备是否已启动', 'Connection: refused; check the port and whether the device runs'],
    ['connection: silent, opened anew', '连接：一直无应答，已重新连接', 'Connection: silent, opened anew'],
    ['wrong answer: unit 4 answered', '应答不符：是站 4 的应答', 'Wrong answer: unit 4 answered'],
    ['wrong answer: 6 bytes of values where 8 were asked for', '应答不符：应有 8 字节数据，收到 6 字节', 'Wrong answer: 8 bytes of values asked for, 6 came'],
    ['wrong answer: 8 bytes of values where 16 were asked for (registers of two bytes? The profile\'s four_byte says that they have four. Or does the device give no more at once? Then write max_registers = 2)',
      '应答不符：应有 16 字节数据，收到 8 字节：寄存器是两字节的（设备模板的 four_byte 说有四个字节），或者一次最多只给这么多？那就请写 max_registers = 2',
      'Wrong answer: 16 bytes of values asked for, 8 came: registers of two bytes (the profile’s four_byte says four), or no more at once? Then write max_registers = 2'],
    ['the text of p.toml:7 is not taken: no place for another text: the store keeps 10000', 'p.toml:7 的文本未采用：没有位置再存新的文本；请按数值读取，或去掉该测点',
      'The text of p.toml:7 is not taken: no place for another text; read it as a number, or leave the point out'],
    ['wrong answer: a byte count of 6 over 4 bytes of values', '应答不符：字节计数为 6，实有 4 字节数据', 'Wrong answer: byte count of 6 over 4 bytes of values'],
    ['unit 9: wrong answer: no Modbus TCP frame: protocol 3, length 9', '站 9：应答不符：不是 Modbus TCP 帧（协议号 3，长度 9）：对方可能是 RTU over TCP',
      'Unit 9: Wrong answer: no Modbus TCP frame (protocol 3, length 9): perhaps RTU over TCP'],
  ])('%s', (said, zh, en) => {
    i18n.lang = 'zh';
    expect(faultText(said)).toBe(zh);
    i18n.lang = 'en';
    expect(faultText(said)).toBe(en);
  });
  it('not known here stay as they were said', () => {
    i18n.lang = 'zh';
    expect(faultText('connection: certificate expired on 2025-01-01')).toBe('连接：certificate expired on 2025-01-01');
    expect(faultText('the broker refuses: Not authorized')).toBe('the broker refuses: Not authorized');
    expect(faultText('')).toBe('');
  });
});
