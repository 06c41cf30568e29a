// Where the tiles of a stage lie: as large as they can be, all of one size, nobody outside.

/** A place on the stage, in CSS pixels from its start edge (right in right-to-left scripts) and its top. */
export interface Box {
  readonly start: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Width and height in CSS pixels. */
export interface Area {
  readonly width: number;
  readonly height: number;
}

/** A stage that is laid out. */
export interface StagePlan {
  /** Place of the one large picture, where there is one. */
  readonly large: Box | null;
  /** Places of the tiles of one page; fewer than `count` when not all fit. */
  readonly tiles: readonly Box[];
  /** Tiles that one page holds. */
  readonly per_page: number;
}

/** Bounds of what is laid out, in CSS pixels but for the ratios and counts. */
export const stage_limits = {
  /** Most tiles on one page: as many video lines as a join offers. */
  tiles_max: 25,
  /** A narrower tile shows no face any more. */
  tile_width_min: 104,
  gap: 8,
  /** Widest tile: a camera's own shape. */
  ratio_max: 16 / 9,
  /** Narrowest tile on a wide and on a tall stage; the picture is cut at its sides there. */
  ratio_min_wide: 4 / 3,
  ratio_min_tall: 3 / 4,
  /** Tiles at the side of the large picture: their share of the width and its bounds; a stage lower than `strip_low` may go down to the narrowest tile. */
  strip_share: 0.2,
  strip_min: 132,
  strip_max: 260,
  strip_low: 480,
  /** Shape of a large picture with tiles below it, and the least of the height that it gets. */
  large_ratio: 4 / 3,
  large_share_min: 0.46,
} as const;

/** Lays out `count` tiles, and one large picture where `has_large`. */
export function planStage(area: Area, count: number, has_large: boolean): StagePlan {
  if (area.width <= 0 || area.height <= 0) return { large: null, tiles: [], per_page: 1 };
  return has_large ? planLarge(area, count) : planGrid(area, count);
}

interface Fit {
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** The largest equal tiles for `count` people: columns, rows and size. */
export function fitTiles(area: Area, count: number): Fit {
  const { gap, ratio_max } = stage_limits;
  const ratio_min =
    area.width >= area.height ? stage_limits.ratio_min_wide : stage_limits.ratio_min_tall;
  let best: Fit = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const cell_width = (area.width - gap * (columns - 1)) / columns;
    const cell_height = (area.height - gap * (rows - 1)) / rows;
    if (cell_width <= 0 || cell_height <= 0) continue;
    const ratio = Math.min(ratio_max, Math.max(ratio_min, cell_width / cell_height));
    const width = Math.min(cell_width, cell_height * ratio);
    const height = width / ratio;
    if (width * height > best.width * best.height * 1.001) best = { columns, rows, width, height };
  }
  return best;
}

function planGrid(area: Area, count: number): StagePlan {
  let per_page: number = stage_limits.tiles_max;
  while (per_page > 1 && fitTiles(area, per_page).width < stage_limits.tile_width_min)
    per_page -= 1;
  const shown = Math.min(count, per_page);
  const { columns, rows, width, height } = fitTiles(area, shown);
  const { gap } = stage_limits;
  const top = (area.height - (rows * height + (rows - 1) * gap)) / 2;
  const tiles = Array.from({ length: shown }, (_, at): Box => {
    const row = Math.floor(at / columns);
    // The last row stands in the middle.
    const in_row = row === rows - 1 ? shown - row * columns : columns;
    const start = (area.width - (in_row * width + (in_row - 1) * gap)) / 2;
    return {
      start: start + (at % columns) * (width + gap),
      top: top + row * (height + gap),
      width,
      height,
    };
  });
  return { large: null, tiles, per_page };
}

function planLarge(area: Area, count: number): StagePlan {
  if (count === 0) return { large: { start: 0, top: 0, ...area }, tiles: [], per_page: 1 };
  return area.width >= area.height ? planBeside(area, count) : planBelow(area, count);
}

// A wide stage: one strip at the side, as thick as lets everybody be in it.
function planBeside(area: Area, count: number): StagePlan {
  const { gap, strip_share, strip_min, strip_max, strip_low, ratio_max } = stage_limits;
  const thickest = Math.min(
    strip_max,
    Math.max(strip_min, area.width * strip_share),
    area.width / 2,
  );
  const thinnest = area.height < strip_low ? stage_limits.tile_width_min : strip_min;
  const fitting = ((area.height + gap) / count - gap) * ratio_max;
  const width = Math.min(thickest, Math.max(thinnest, fitting));
  const height = width / ratio_max;
  const step = height + gap;
  // A tile that fits exactly must not fall victim to rounding.
  const fits = Math.floor((area.height + gap) / step + 0.001);
  // The large picture takes a video line, too.
  const per_page = Math.max(1, Math.min(stage_limits.tiles_max - 1, fits));
  const shown = Math.min(count, per_page);
  const first = (area.height - (shown * step - gap)) / 2;
  const tiles = Array.from({ length: shown }, (_, at): Box => {
    return { start: area.width - width, top: first + at * step, width, height };
  });
  const large = { start: 0, top: 0, width: area.width - width - gap, height: area.height };
  return { large, tiles, per_page };
}

// A tall stage: a screen cannot use more height than its width gives it, so everybody has a grid of their own below.
function planBelow(area: Area, count: number): StagePlan {
  const { gap, strip_min, large_ratio, large_share_min } = stage_limits;
  const wanted = Math.max(area.width / large_ratio, area.height * large_share_min);
  const height = Math.min(wanted, Math.max(area.height / 2, area.height - strip_min - gap));
  const top = height + gap;
  const grid = planGrid({ width: area.width, height: area.height - top }, count);
  return {
    large: { start: 0, top: 0, width: area.width, height },
    tiles: grid.tiles.map((box) => ({ ...box, top: box.top + top })),
    per_page: grid.per_page,
  };
}
