/**
 * Bars with a line over them, on one axis of ordered places (days, months, defect codes): uPlot in a frame with
 * a legend, a read-out that follows pointer and arrow keys, and the same data as a table.
 *
 * Knows nothing of what is charted.
 */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { h } from './h.ts';
import { color, onThemeChange } from './theme.ts';

export interface ChartOptions {
  bars: string;
  line: string;
  barsColor: `--${string}`;
  lineColor: `--${string}`;
  formatBars: (value: number) => string;
  formatLine: (value: number) => string;
  /** Top of the line's axis; without it the data decide. */
  lineMax?: number;
  /** A stretch was marked with the mouse. */
  onSelect?: (from: number, to: number) => void;
}

export interface ChartData {
  /** What the picture is. */
  title: string;
  /** What stands out in it. */
  note: string;
  labels: string[];
  /** Places that may carry a label; those too close to each other are left out. Default: all. */
  ticks?: number[];
  bars: (number | null)[];
  line: (number | null)[];
  /** What the read-out says of a place. */
  describe: (index: number) => string;
  table: () => HTMLTableElement;
}

const HEIGHT = 232;
const HEIGHT_NARROW = 200;
const NARROW = 400;
const CHARACTER_WIDTH = 6.6;
const LABEL_GAP = 14;
const POINTS_MAX = 62;
/** Bars narrower than this melt into each other: their outline is drawn instead. */
const BAR_WIDTH_MIN = 3;
const FONT = '11px system-ui, sans-serif';

export class Chart {
  readonly element: HTMLElement;
  #options: ChartOptions;
  #plot: uPlot | undefined;
  #data: ChartData | undefined;
  #frame = h('div', { class: 'chart-frame', tabindex: 0, role: 'img' });
  #readout = h('p', { class: 'chart-readout' });
  #tableSlot = h('div', { class: 'chart-table', tabindex: 0, role: 'group', 'aria-label': 'Chart data' });
  #details: HTMLDetailsElement;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#details = h('details', { class: 'chart-data', ontoggle: () => this.#showTable() },
      h('summary', {}, 'Data as a table'), this.#tableSlot);
    this.element = h('div', { class: 'chart' },
      h('div', { class: 'chart-legend' },
        h('p', { class: 'legend' }, swatch('bar', options.barsColor), options.bars),
        h('p', { class: 'legend' }, swatch('line', options.lineColor), options.line),
        this.#readout),
      this.#frame,
      h('div', { class: 'chart-foot' }, this.#details, options.onSelect && h('p', { class: 'chart-hint' }, 'Drag across to narrow the dates')));
    this.#frame.addEventListener('keydown', (event) => this.#moveByKey(event));
    this.#frame.addEventListener('focus', () => this.#readout.setAttribute('aria-live', 'polite'));
    this.#frame.addEventListener('blur', () => {
      this.#readout.removeAttribute('aria-live');
      this.#plot?.setCursor({ left: -10, top: -10 });
    });
    new ResizeObserver(() => this.#resize()).observe(this.#frame);
    onThemeChange(() => this.#draw());
  }

  update(data: ChartData): void {
    this.#data = data;
    this.#frame.setAttribute('aria-label', `${data.title}. ${data.note}. Arrow keys read single values.`);
    this.#draw();
    this.#showTable();
  }

  #showTable(): void {
    this.#tableSlot.replaceChildren(...(this.#details.open && this.#data ? [this.#data.table()] : []));
  }

  #size(): { width: number; height: number } {
    const width = this.#frame.clientWidth;
    return { width, height: width < NARROW ? HEIGHT_NARROW : HEIGHT };
  }

  #resize(): void {
    const size = this.#size();
    if (size.width === 0 || !this.#data) return;
    if (!this.#plot) this.#draw();
    else if (this.#plot.width !== size.width) this.#plot.setSize(size);
  }

  #draw(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const data = this.#data;
    const size = this.#size();
    if (!data || size.width === 0) return;
    this.#describe(null);
    const places = data.labels.map((_, index) => index);
    this.#plot = new uPlot(this.#uplotOptions(data, size), [places, data.bars, data.line], this.#frame);
  }

  #uplotOptions(data: ChartData, size: { width: number; height: number }): uPlot.Options {
    const { formatBars, formatLine, lineMax, onSelect } = this.#options;
    const text = color('--muted');
    const grid = { stroke: color('--grid'), width: 1 };
    const lineColor = color(this.#options.lineColor);
    const axis = { stroke: text, font: FONT, ticks: { show: false }, grid } satisfies uPlot.Axis;
    const count = data.labels.length;
    const dense = size.width / count < BAR_WIDTH_MIN;
    return {
      ...size,
      legend: { show: false },
      padding: [8, 0, 0, 0],
      scales: {
        x: { time: false, range: () => [-0.5, count - 0.5] },
        bars: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
        line: { range: (_plot, _min, max) => [0, lineMax ?? (max > 0 ? max * 1.25 : 0.01)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, splits: (plot) => ticks(data, plot.width), values: (_plot, splits) => splits.map((index) => data.labels[index] ?? '') },
        { ...axis, scale: 'bars', size: 46, values: (_plot, splits) => splits.map(formatBars) },
        { ...axis, scale: 'line', side: 1, size: 50, grid: { show: false }, values: (_plot, splits) => splits.map(formatLine) },
      ],
      series: [
        {},
        {
          scale: 'bars', fill: color(this.#options.barsColor), width: 0, points: { show: false },
          paths: dense ? uPlot.paths.linear!() : uPlot.paths.bars!({ size: [0.76, 56], gap: 0 }),
        },
        { scale: 'line', stroke: lineColor, width: dense ? 1 : 1.75, points: { show: count <= POINTS_MAX, size: 5, fill: lineColor, stroke: lineColor } },
      ],
      cursor: { y: false, points: { show: false }, drag: { x: onSelect !== undefined, y: false, setScale: false } },
      hooks: {
        setCursor: [(plot) => this.#describe(plot.cursor.idx ?? null)],
        setSelect: [(plot) => this.#select(plot)],
      },
    };
  }

  #describe(index: number | null): void {
    if (!this.#data) return;
    this.#readout.textContent = index === null ? this.#data.note : this.#data.describe(index);
    this.#readout.classList.toggle('chart-note', index === null);
  }

  #select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width === 0) return;
    const from = plot.posToIdx(left);
    const to = plot.posToIdx(left + width);
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#options.onSelect?.(from, to);
  }

  #moveByKey(event: KeyboardEvent): void {
    const plot = this.#plot;
    const last = (this.#data?.labels.length ?? 0) - 1;
    const now = plot?.cursor.idx;
    const steps: Record<string, number> = {
      ArrowLeft: (now ?? last + 1) - 1, ArrowRight: (now ?? -1) + 1, Home: 0, End: last,
    };
    const target = steps[event.key];
    if (!plot || target === undefined) return;
    event.preventDefault();
    plot.setCursor({ left: plot.valToPos(Math.min(Math.max(target, 0), last), 'x'), top: 0 });
  }
}

/** Every n-th place that may carry a label, n as small as the widest label allows. */
function ticks(data: ChartData, width: number): number[] {
  const places = data.ticks ?? data.labels.map((_, index) => index);
  const widest = Math.max(...places.map((index) => data.labels[index]?.length ?? 0));
  const room = Math.max(1, Math.floor((width - 96) / (widest * CHARACTER_WIDTH + LABEL_GAP)));
  const step = Math.ceil(places.length / room);
  return places.filter((_, index) => index % step === 0);
}

function swatch(shape: 'bar' | 'line', property: `--${string}`): HTMLElement {
  const element = h('span', { class: `swatch swatch-${shape}`, 'aria-hidden': 'true' });
  element.style.backgroundColor = `var(${property})`;
  return element;
}
