/**
 * What each panel asks the database, as plain data. One place, so that a figure on one tile and the same
 * figure on another come from the same words.
 */
import type { AggregateQuery, Measure, RecordsQuery, TimeRange, Where } from 'lotwise';
import { shownRange, type Bounds, type Filters } from './filters.ts';

export const DATASET = 'production_records';
export const COLUMNS = [
  'id', 'production_date', 'item_code', 'lot_number', 'line', 'shift', 'good_quantity', 'defect_quantity', 'defect_code',
] as const;

/** Defects of everything made. The other share of it is the yield. */
const DEFECT_RATE: Measure = { ratio: [['defect_quantity'], ['good_quantity', 'defect_quantity']] };
const YIELD: Measure = { ratio: [['good_quantity'], ['good_quantity', 'defect_quantity']] };
const QUANTITIES = {
  records: 'count',
  good: { sum: 'good_quantity' },
  defects: { sum: 'defect_quantity' },
  defectRate: DEFECT_RATE,
} satisfies Record<string, Measure>;

/** A sum or ratio over no rows is unknown, not 0. */
export type Unknown = null;
export type Quantity = number | bigint;
export interface Quantities { records: number; good: Quantity | Unknown; defects: Quantity | Unknown; defectRate: number | Unknown }
export interface Totals extends Quantities { yield: number | Unknown }
export interface Extent { records: number; first: string | Unknown; last: string | Unknown }

/** The part of a query that the filters decide. */
export interface Selection { range: { from: string; to: string }; where: Where; all: boolean }

export function select(filters: Filters, bounds: Bounds): Selection {
  const where: Where = {};
  if (filters.item !== undefined) where['item_code'] = filters.item;
  if (filters.line !== undefined) where['line'] = filters.line;
  if (filters.shift !== undefined) where['shift'] = filters.shift;
  if (filters.lot !== undefined) where['lot_number'] = { prefix: filters.lot };
  return { range: shownRange(filters, bounds), where, all: filters.period === 'all' };
}

/** Without a range where all days are meant: the planner need not look at dates then. */
function scope({ range, where, all }: Selection): { range?: TimeRange; where: Where } {
  return all ? { where } : { range, where };
}

export const extent: AggregateQuery = {
  dataset: DATASET,
  measures: { records: 'count', first: { min: 'production_date' }, last: { max: 'production_date' } },
};

/** The values that a filter offers, each with its number of records. */
export function choices(column: 'item_code' | 'line' | 'shift'): AggregateQuery {
  return { dataset: DATASET, groupBy: [column], measures: { records: 'count' } };
}

export function totals(selection: Selection): AggregateQuery {
  return { dataset: DATASET, ...scope(selection), measures: { ...QUANTITIES, yield: YIELD } };
}

export function lots(selection: Selection): AggregateQuery {
  return { dataset: DATASET, ...scope(selection), measures: { lots: { countDistinct: 'lot_number' } } };
}

export function trend(selection: Selection, bucket: 'day' | 'month'): AggregateQuery {
  // Days without production belong into the picture, hence fill, which needs both ends.
  return {
    dataset: DATASET, range: selection.range, where: selection.where,
    groupBy: [{ time: bucket }], measures: QUANTITIES, fill: true,
  };
}

export function pareto(selection: Selection): AggregateQuery {
  const { where, ...range } = scope(selection);
  return {
    dataset: DATASET, ...range, where: { ...where, defect_quantity: { gt: 0 } },
    groupBy: ['defect_code'], measures: { records: 'count', defects: { sum: 'defect_quantity' } },
    orderBy: [{ by: 'defects', desc: true }],
  };
}

export function lineByShift(selection: Selection): AggregateQuery {
  return { dataset: DATASET, ...scope(selection), groupBy: ['line', 'shift'], measures: QUANTITIES };
}

export type RankedBy = 'lot_number' | 'item_code' | 'line' | 'week';
export type RankOrder = 'defects' | 'defectRate';

export function ranking(selection: Selection, by: RankedBy, order: RankOrder, limit: number): AggregateQuery {
  const { where, ...range } = scope(selection);
  return {
    dataset: DATASET, ...range, where,
    groupBy: [by === 'week' ? { time: 'week' } : by],
    measures: QUANTITIES, having: { defects: { gt: 0 } },
    // Equal by the one, the other decides.
    orderBy: [{ by: order, desc: true }, { by: order === 'defects' ? 'defectRate' : 'defects', desc: true }], limit,
  };
}

export function records(selection: Selection, limit: number, after: string | undefined): RecordsQuery {
  return {
    dataset: DATASET, ...scope(selection), columns: [...COLUMNS], limit,
    ...(after !== undefined && { after }),
  };
}
