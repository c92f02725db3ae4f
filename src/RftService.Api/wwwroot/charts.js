// The run's curves. Points are kept by step, because a resumed attempt writes again the steps after its checkpoint.

import { element, make } from "/pages/session.js";

const plots = [
  { title: "Reward", series: [["reward/mean", "mean", "#1565c0"], ["evaluation/reward_mean", "evaluation", "#c62828"]] },
  { title: "Loss", series: [["policy/loss", "training", "#1565c0"], ["evaluation/loss", "evaluation", "#c62828"]] },
  { title: "Entropy", series: [["policy/entropy", "entropy", "#6a1b9a"]] },
  { title: "Completion length (tokens)", series: [["completion/tokens_mean", "mean", "#2e7d32"]] },
];

const rows = new Map();
let drawn = [];
let pending = false;

export function addPoint(metrics) {
  rows.set(metrics.step, metrics.values);
  if (!pending) {
    pending = true;
    // A replayed run brings thousands of steps at once: draw them together.
    setTimeout(draw, 200);
  }
}

// A new attempt goes on from its checkpoint: later points belong to work that was lost.
export function dropAfter(step) {
  for (const known of rows.keys()) {
    if (known > step) rows.delete(known);
  }
}

function draw() {
  pending = false;
  const steps = [...rows.keys()].sort((a, b) => a - b);
  plots.forEach((plot, index) => {
    const data = [steps, ...plot.series.map(([name]) => steps.map(step => rows.get(step)[name] ?? null))];
    if (drawn[index]) drawn[index].setData(data);
    else drawn[index] = create(plot, data);
  });
}

function create(plot, data) {
  const figure = make("figure");
  figure.append(make("figcaption", null, plot.title));
  element("charts").append(figure);
  const options = {
    width: figure.clientWidth,
    height: 220,
    cursor: { sync: { key: "run" } },
    scales: { x: { time: false } },
    axes: [{ size: 34 }, { size: 56 }],
    series: [
      { label: "step" },
      ...plot.series.map(([, label, stroke]) => ({
        label,
        stroke,
        width: 1.5,
        spanGaps: true, // an evaluation is made every so many steps only
        value: (_, value) => (value === null || value === undefined ? "–" : value.toPrecision(4)),
      })),
    ],
  };
  const chart = new window.uPlot(options, data, figure);
  new ResizeObserver(() => chart.setSize({ width: figure.clientWidth, height: 220 })).observe(figure);
  return chart;
}
