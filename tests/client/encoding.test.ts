/** Encodings found out and decoded, in every cut; the bytes come from an encoder that is not the host's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import iconv from 'iconv-lite';
import { TextInput } from '../../src/ts/encoding/text-input.ts';
import { lotwiseError } from './fake-engine.ts';
import { randomFrom } from './random.ts';

/** Files as they leave machines and spreadsheets: [header, rows…]. */
const JAPANESE = '生産日,品番,品名,ロット番号,ライン,班,良品数,不良数,不良内容,温度(℃)\r\n'
  + '2025-06-10,A-1023,ハウジング,L20250610-01,第3ライン,早番,480,2,キズ・打痕,23.5\r\n'
  + '2025-06-10,A-1024,ﾌﾞﾗｹｯﾄ,L20250610-02,第3ライン,遅番,1200,0,,24.0\r\n'
  + '2025-06-11,B-07,シャフト①,L20250611-01,髙橋ライン,早番,310,11,"寸法不良、要再検査",22.9\r\n';
const KOREAN = '생산일,품번,품명,로트번호,라인,교대,양품수,불량수,불량내용\n2025-06-10,A-1023,하우징,L20250610-01,3라인,주간,480,2,긁힘\n'
  + '2025-06-11,B-07,샤프트,L20250611-01,3라인,야간,310,11,"치수 불량, 재검사 필요"\n';
const CHINESE = '生产日期,料号,品名,批号,生产线,班次,合格数量,不良数量,不良原因\n2025-06-10,A-1023,外壳,L20250610-01,三号线,早班,480,2,划伤\n'
  + '2025-06-11,B-07,轴,L20250611-01,三号线,夜班,310,11,"尺寸不良，需要复检"\n';
const TAIWANESE = '生產日期,料號,品名,批號,生產線,班別,良品數量,不良數量,不良原因\n2025-06-10,A-1023,外殼,L20250610-01,三號線,早班,480,2,刮傷\n';
const GERMAN = 'Datum;Artikel;Bezeichnung;Los;Linie;Schicht;Gutstück;Ausschuss;Grund;Ø mm\n10.06.2025;A-1023;Gehäuse;L1;Linie 3;Früh;480;2;Kratzer;12,5\n'
  + '11.06.2025;B-07;Welle „groß“;L2;Linie 3;Spät;310;11;Maß außer Toleranz (±0,1 µm);8,0\n';
const FRENCH = "Date;Pièce;Désignation;Équipe;Quantité;Défaut\n10/06/2025;A-1023;Carter usiné;matin;480;rayé à l'arrière\n";

const TEXTS: readonly [label: string, encoder: string, text: string][] = [
  ['shift_jis', 'shift_jis', JAPANESE], ['euc-jp', 'euc-jp', JAPANESE.replace('髙', '高').replace('①', '')], ['euc-kr', 'cp949', KOREAN], ['gb18030', 'gb18030', CHINESE],
  ['gb18030', 'gbk', CHINESE], ['big5', 'big5', TAIWANESE], ['windows-1252', 'win1252', GERMAN], ['windows-1252', 'win1252', FRENCH],
  ['utf-16le', 'utf-16le', JAPANESE], ['utf-16be', 'utf-16be', GERMAN], ['utf-16le', 'utf-16le', KOREAN], ['utf-8', 'utf-8', JAPANESE], ['utf-8', 'utf-8', GERMAN],
];

function read(bytes: Uint8Array, chunkBytes: number, forced?: string): { text: string; encoding: string; bytes: Buffer } {
  const input = new TextInput(forced);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) out.push(input.push(bytes.slice(at, at + chunkBytes)).slice());
  out.push(input.end());
  const whole = Buffer.concat(out);
  return { text: new TextDecoder().decode(whole), encoding: input.encoding, bytes: whole };
}

/** Up to that many bytes by repeating the rows, each with another number. */
function long(text: string, chars: number): string {
  const [header, ...rows] = text.split(/(?<=\n)/);
  let whole = header!;
  for (let i = 0; whole.length < chars; i++) whole += rows[i % rows.length]!.replace('480', String(i));
  return whole;
}

test('every encoding is found out and decoded, whatever the chunks', () => {
  for (const [label, encoder, text] of TEXTS) {
    const bytes = iconv.encode(text, encoder);
    for (let chunkBytes = 1; chunkBytes <= bytes.length; chunkBytes++) {
      const got = read(bytes, chunkBytes);
      assert.deepEqual([got.encoding, got.text], [label, text], `${encoder} in chunks of ${chunkBytes}`);
    }
  }
});

test('long files are decoded across the borders of their chunks', () => {
  for (const [label, encoder, text] of TEXTS) {
    const whole = long(text, 300_000);
    const bytes = iconv.encode(whole, encoder);
    for (const chunkBytes of [997, 65_536, 65_537, 1 << 22]) {
      const got = read(bytes, chunkBytes);
      assert.equal(got.encoding, label, encoder);
      assert.ok(got.text === whole, `${encoder} in chunks of ${chunkBytes}`);
    }
  }
});

test('text that begins in ASCII for longer than a chunk is told by what follows', () => {
  for (const [label, encoder, text] of TEXTS) {
    if (label.startsWith('utf-16')) continue;
    const ascii = `id,note\n${'7,as before\n'.repeat(9_000)}`;
    const bytes = iconv.encode(ascii + text, encoder);
    for (const chunkBytes of [4_099, 65_536, bytes.length]) {
      const got = read(bytes, chunkBytes);
      assert.deepEqual([got.encoding, got.text === ascii + text], [label, true], `${encoder} in chunks of ${chunkBytes}`);
    }
  }
  // One character beyond ASCII in a megabyte is looked for beyond the sample.
  const rare = `Temperatur (°C)\n${'25.0\n'.repeat(100_000)}Prüfer Müller\n`;
  const got = read(iconv.encode(rare, 'win1252'), 65_536);
  assert.deepEqual([got.encoding, got.text === rare], ['windows-1252', true]);
});

test('short files with few characters are told, or said to be undecidable; never mistaken', () => {
  const check = (encoder: string, text: string, expected: string): void => {
    assert.deepEqual([read(iconv.encode(text, encoder), 7).encoding, text], [expected, text]);
  };
  for (const text of ['温度(℃)\n25\n', '品名,数量\nボルト,5\n', '備考\n異常なし\n', 'note\nﾈｼﾞ M3\n', '担当\n山田太郎\n生産部\n']) check('shift_jis', text, 'shift_jis');
  for (const text of ['품명,수량\n볼트,5개\n', '비고\n이상 없음\n', '상태\n정지\n가동\n확인\n']) check('cp949', text, 'euc-kr');
  for (const text of ['品名,数量\n螺栓,5个\n', '备注\n无异常\n', '操作员,部门\n王小明,生产部\n']) check('gb18030', text, 'gb18030');
  for (const text of ['a\n5 µm\n', 'T (°C)\n20\n', 'Größe\n5\n', 'Prüfer;Maß\na;1\n', '"Öl"\n1\n', 'Länge ±0,1\n', 'Ø12;m²\n', 'Été;Noël;déjà\n', 'Año\n', 'Façade;œuvre;coût\n']) check('win1252', text, 'windows-1252');
  for (const [encoder, text] of [['shift_jis', 'id\n鉄\n'], ['gb18030', 'id\n螺丝\n'], ['cp949', 'id\n와셔\n'], ['shift_jis', 'id\n山田\n']] as const) {
    assert.throws(() => read(iconv.encode(text, encoder), 100), lotwiseError('INPUT_INVALID', /cannot be told: it may be '.*'encoding'/s), text);
    assert.equal(read(iconv.encode(text, encoder), 100, encoder === 'cp949' ? 'euc-kr' : encoder).text, text);
  }
});

test('words of one language are never taken for those of another', () => {
  const words: Record<string, string> = {
    shift_jis: '生産日 品番 ロット 良品数 不良率 傷 打痕 バリ 異物混入 山田 佐藤一郎 東京工場 第三製造課 プレス機 溶接 ねじ ワッシャー 欠け 要確認 廃棄 手直し 午前 月曜日 樹脂 鉄 黒 赤 特注 梱包 ラベル貼付 校正済 塗装ムラ 金型温度',
    cp949: '생산일 품번 로트 양품수 불량률 긁힘 찍힘 이물 김민수 서울공장 프레스 용접 나사 와셔 재작업 폐기 오전 월요일 수지 구리 검정 빨강 포장 라벨 교정 완료 확인필요 도장불량 금형온도',
    gb18030: '生产日 料号 批次 良品 不良率 划伤 毛刺 异物 张伟 上海工厂 冲压 焊接 螺丝 垫圈 返工 报废 上午 星期一 塑料 铁 黑色 红色 包装 标签 待确认 喷涂不良 模具温度',
    win1252: 'Müller Größe Stück Früh Spät Maß Prüfer geprüft Öl Ölwanne µm °C Gehäuse weiß Käfig für Schüttgut Qualität Ausschuß höhe défaut pièce usinée rayé arrêt contrôlé qualité señal mañana peça',
  };
  const labels: Record<string, string> = { cp949: 'euc-kr', win1252: 'windows-1252' };
  const next = randomFrom(7);
  let told = 0;
  for (const [encoder, list] of Object.entries(words)) {
    const all = list.split(' ');
    for (let round = 0; round < 200; round++) {
      const some = Array.from({ length: 1 + round % 5 }, () => all[Math.floor(next() * all.length)]!);
      try {
        const { encoding } = read(iconv.encode(`id,name\n${some.map((word, i) => `${i},${word}\n`).join('')}`, encoder), 1_000);
        assert.equal(encoding, labels[encoder] ?? encoder, some.join(' '));
        told += 1;
      } catch (error) {
        lotwiseError('INPUT_INVALID', /cannot be told/)(error);
      }
    }
  }
  assert.ok(told > 500, `${told} of 800 were told`);
});

test('bytes that the encoding does not have mark their row and no other', () => {
  const check = (encoder: string, forced: string | undefined, break_: (bytes: Buffer) => void, text: string): void => {
    const bytes = iconv.encode(text, encoder);
    break_(bytes);
    for (const chunkBytes of [1, 5, bytes.length]) {
      const lines = read(bytes, chunkBytes, forced).bytes.toString('latin1').split('\n');
      const expected = Buffer.from(text).toString('latin1').split('\n');
      assert.deepEqual(lines.map((line, i) => line === expected[i]), [true, false, true, true], `${encoder} in chunks of ${chunkBytes}`);
      assert.ok(lines[1]!.includes('\xff') && !lines[1]!.includes('\xef\xbf\xbd'));
    }
  };
  const at = (text: string, encoder: string): number => iconv.encode(text, encoder).length;
  const japanese = '生産日,品名\n1,良品数量\n2,不良数量\n';
  check('shift_jis', undefined, (bytes) => bytes.writeUInt8(0xfd, at('生産日,品名\n1,', 'shift_jis')), japanese);
  check('shift_jis', 'sjis', (bytes) => bytes.writeUInt8(0x20, at('生産日,品名\n1,良品数量', 'shift_jis') - 1), japanese);
  check('cp949', 'euc-kr', (bytes) => bytes.writeUInt8(0xff, at('생산일,품명\n1,', 'cp949')), '생산일,품명\n1,양품 수량\n2,불량 수량\n');
  check('gb18030', 'gb18030', (bytes) => bytes.writeUInt8(0xff, at('生产日期\n1,', 'gb18030')), '生产日期\n1,合格数量\n2,不良数量\n');
  check('utf-16le', 'utf-16le', (bytes) => bytes.writeUInt16LE(0xd800, at('生産日\n1,', 'utf-16le')), '生産日\n1,良品数量\n2,不良数量\n');
  check('utf-16be', undefined, (bytes) => bytes.writeUInt16BE(0xdc00, at('Größe;Maß\n1,', 'utf-16be')), 'Größe;Maß\n1,Stück\n2,Prüfer\n');
  // Not defined in code page 1252, a control character to the host.
  check('win1252', 'windows-1252', (bytes) => bytes.writeUInt8(0x81, at('Größe;Maß\n1,', 'win1252')), 'Größe;Maß\n1,Stück\n2,Prüfer\n');
  // U+FFFD that the file itself holds is a character like any other, and other lines of the piece stay as they are.
  const own = '\ufeffa\nb\ufffd\n日本\n';
  assert.equal(read(iconv.encode(own, 'utf-16le'), 3).text, own.slice(1));
});

test('a byte order mark prevails, and the label given by the caller otherwise', () => {
  const bom = (encoder: string): Buffer => iconv.encode(GERMAN, encoder, { addBOM: true });
  for (const label of ['utf-8', 'utf-16le', 'utf-16be']) {
    for (const forced of [undefined, 'windows-1252', 'utf-16']) {
      const got = read(bom(label), 11, forced);
      assert.deepEqual([got.encoding, got.text], [label, GERMAN], `${label} as ${forced}`);
    }
  }
  assert.equal(read(iconv.encode(JAPANESE, 'shift_jis'), 10, 'windows-31j').text, JAPANESE);
  assert.equal(read(iconv.encode(GERMAN, 'win1252'), 10, 'latin1').text, GERMAN);
  const escaped = Buffer.from('name,n\n\x1b$B@8;:F|\x1b(B,1\n', 'latin1');
  assert.deepEqual([read(escaped, 3).text, read(escaped, 3).encoding], ['name,n\n生産日,1\n', 'iso-2022-jp']);
});

test('files that are no text are refused by what they are', () => {
  const check = (bytes: Uint8Array, message: RegExp): void => {
    assert.throws(() => read(bytes, 5), lotwiseError('INPUT_INVALID', message));
  };
  check(Buffer.from('PK\x03\x04 and more', 'latin1'), /spreadsheet.*CSV/);
  check(Buffer.from('\x1f\x8b\x08\0', 'latin1'), /gzip.*DecompressionStream/);
  check(Buffer.from('\xff\xfe\0\0a\0\0\0', 'latin1'), /UTF-32/);
  check(Buffer.from('a\0\0b\0c,\0\0\0', 'latin1'), /NUL bytes/);
  check(Buffer.from('SQLite format 3\0\x10\0\xff\xfe\x81\x00rest', 'latin1'), /SQLite database.*format: 'sqlite'/);
  assert.deepEqual(read(new Uint8Array(), 4), { text: '', encoding: 'utf-8', bytes: Buffer.alloc(0) });
});
