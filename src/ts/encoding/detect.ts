/**
 * Which encoding bytes are in, told from the bytes themselves: each candidate decodes the same sample, and the
 * one whose text reads like its language wins. Where none stands out, the error shows how each would read.
 *
 * Knows no tables: the host's TextDecoder has them. What it knows are the commonest characters of a few
 * languages, those of production records first.
 */
import { LotwiseError } from '../errors.ts';
import { encodingOf } from './label.ts';

const JAPANESE = '日月年品番名数量良不生産工場機械線班時分秒前後中大小上下検査合格規寸法重温度圧力値最平均個本台社員者作業開始終了停止異常原因対策備考材料製造出荷入庫在計画実績担当記録現程設部型式単位速長径厚幅金属板加熱冷却洗浄組立溶接塗装切削研磨交換修理確認報告結果区種別状態累積率目標東西南北一二三四五六七八九十百千万円使用途表面内外左右手動自電気水油国会人地事者';
const SIMPLIFIED = '的一是不了在人有这中大来上个国到说时要就出会可也对生能自之年过发后里用道行所方多经法学如同当没动面起看定天分还进好小部其主样理心本前开但因只从想实日月期数量产品名称合格良率线号批次班组机械设备工序检验温度压力重长宽高厚直径材料注操作员规型电水油间始结束停止异常原编码单位计划完成入库质报告缺陷类别车早晚件公斤厂';
const TRADITIONAL = '的一是不了在人有這中大來上個國到說時要就出會可也對生能日月年期數量產品名稱合格良率線號批次班組機械設備工序檢驗溫度壓力重長寬高厚直徑材料備註操作員規型電水油間開始結束停止異常原因編碼單位計劃完成入庫質報告缺陷類別車早晚件公斤廠製程站測試';
const KOREAN = '이다는을를의에가은로한고하도서지사기어리자시아인정해수일과부대제나전보라상그게장생공조원주성여으구있들적것동마만양품산명번호량불설비작업검합격온압력무중단위개간날짜년월료종작정상비고재규담당현교야트목표실계획입출포용접금형두께길폭직경속코드분류태결확률면외내값치준';

interface Candidate {
  label: string;
  /** Characters that its texts are full of. */
  common: Set<string>;
  /** Other characters of its language. */
  script: RegExp;
}

const KANJI = '\u4e00-\u9fff';
const CJK: readonly [label: string, common: string, script: string][] = [
  // Katakana of half the width are bytes of their own, which nearly any text has, taken for them.
  ['shift_jis', JAPANESE, `${KANJI}ｦ-ﾟ`],
  ['euc-jp', JAPANESE, KANJI],
  ['euc-kr', KOREAN, '가-힣'],
  ['gb18030', SIMPLIFIED, KANJI],
  ['big5', TRADITIONAL, KANJI],
];
const KANA = 'ぁあいうえおかがきくけげこごさざしじすずせそただちっつてでとどなにのはばひびふべほまみむめもやゆよょらりるれろわをん'
  + 'アイウエオカガキギクグケゲコゴサザシジスズセソタダチッツテデトドナニネノハバパヒビピフブプベペホボポマミムメモャユュョラリルレロワンー';
const CANDIDATES: readonly Candidate[] = CJK.map(([label, common, script]) => ({
  label, common: new Set(`${common}℃、。${common === JAPANESE ? KANA : ''}`), script: new RegExp(`^[${script}]$`),
}));

/** Of West European records; each stands alone among ASCII, letters seldom beside one other. */
const WESTERN_LETTERS = /^[äöüÄÖÜßéèàçñåøæœêôîûâëïáíóúãõìòùØÅÆÉÈÇÑ]$/;
const WESTERN_SIGNS = /^[°µ±²³§·×½®]$/;
const WESTERN_MARKS = /^[€–’„“”]$/;
/** What no sound text has: replacements, control characters, private use. */
const BAD = /[\ufffd\u0080-\u009f\ue000-\uf8ff]/;

/** Points a byte, from BAD_SCORE to 2. */
const SCORE_MIN = 0.6;
const BAD_SCORE = -8;

/** How far ahead of the others the best has to be: a word of two characters may be a word in two languages. */
const leadMin = (bytes: number): number => Math.min(1, 0.3 + 3 / bytes);

/** The label of the encoding of bytes that begin with one that is not ASCII. */
export function detectEncoding(sample: Uint8Array): string {
  if (isMostlyUtf8(sample)) return 'utf-8';
  // Not every host has every table.
  const known = CANDIDATES.filter(({ label }) => encodingOf(label) !== undefined);
  const found = [...known.map((candidate) => ({ label: candidate.label, score: scoreOf(candidate, sample) })),
    { label: 'windows-1252', score: scoreWestern(sample) }].sort((a, b) => b.score - a.score);
  const [first, second] = found;
  const bytes = sample.reduce((count, byte) => count + (byte > 0x7f ? 1 : 0), 0);
  if (first !== undefined && second !== undefined && first.score >= SCORE_MIN && first.score - second.score >= leadMin(bytes)) return first.label;
  const readings = found.filter(({ score }) => score > 0).slice(0, 3).map(({ label }) => `'${label}' ('${excerpt(label, sample)}')`);
  throw new LotwiseError('INPUT_INVALID', readings.length > 0
    ? `The encoding of the file cannot be told: it may be ${readings.join(' or ')}. Name it in the option 'encoding'.`
    : "The encoding of the file cannot be told, or it is no text. Name it in the option 'encoding'.", { details: { place: 'encoding' } });
}

/** Chance sequences that look like UTF-8 are rare; damaged rows in a sound file are as well. */
function isMostlyUtf8(sample: Uint8Array): boolean {
  let good = 0;
  let bad = 0;
  for (const char of decoded('utf-8', sample)) {
    if (char === '\ufffd') bad += 1;
    else if (char > '\x7f') good += 1;
  }
  return good > 4 * bad;
}

/** Text without a character that the sample cuts in two at its end. */
function decoded(label: string, sample: Uint8Array): string {
  return new TextDecoder(label, { ignoreBOM: true }).decode(sample, { stream: true });
}

function scoreOf({ label, common, script }: Candidate, sample: Uint8Array): number {
  let points = 0;
  let bytes = 0;
  for (const char of decoded(label, sample)) {
    if (char <= '\x7f') continue;
    const halfWidth = char >= '｡' && char <= 'ﾟ';
    const width = halfWidth || char === '\ufffd' ? 1 : 2;
    bytes += width;
    if (common.has(char)) points += 2 * width;
    else if (BAD.test(char)) points += BAD_SCORE * width;
    else if (script.test(char)) points += (halfWidth ? 0.8 : 0.3) * width;
  }
  return bytes === 0 ? 0 : points / bytes;
}

/** Western texts have one or two characters in a row that are not ASCII, Asian ones have many. */
function scoreWestern(sample: Uint8Array): number {
  let points = 0;
  let bytes = 0;
  for (const [run] of decoded('windows-1252', sample).matchAll(/[^\0-\x7f]+/g)) {
    bytes += run.length;
    for (const char of run) {
      if (BAD.test(char)) points += BAD_SCORE;
      else if (run.length > 2) points -= 1;
      else if (WESTERN_LETTERS.test(char)) points += run.length === 1 ? 2 : 1.4;
      else if (WESTERN_SIGNS.test(char)) points += run.length === 1 ? 2 : 0.5;
      else if (WESTERN_MARKS.test(char)) points += 1;
    }
  }
  return bytes === 0 ? 0 : points / bytes;
}

/** The beginning of the sample as it would read. */
function excerpt(label: string, sample: Uint8Array): string {
  return decoded(label, sample.subarray(0, 80)).split(/[\r\n]/, 1)[0]!.slice(0, 16);
}
