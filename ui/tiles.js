// Every prunable layer as a row of channel tiles. Drawn on a canvas, because five thousand elements are slow; hovering
// and the arrow keys stay in the browser, and only a change of a channel goes to Python.
//
// data: {
//   rows: [{title, group, places, kept, held}], a row a layer; places = a number (0 … n-1) or a list of places
//   groups: {number: {states, kinds, words, scores}}; a character a channel: 1 stays, 0 is cut, k and c by hand
//   colors: {kept, cut}, label, hint, score: the name of what is ranked
// }

const PITCHES = [18, 16, 14, 12, 11, 10]; // px: smaller ones are hard to hit
const MAX_COLUMNS = 3;
const COLUMN_GAP = 28;
const ROW_GAP = 5;
const LINE = 22; // px: a line of text
const LABEL_GAP = 10;
const FONT_PX = 16;
const HIGHEST = 620; // px: beyond it the tiles get smaller, then the rows stand in more columns
const MIN_TILES_WIDE = 150;

const instances = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let tiles = instances.get(parentElement);
  if (!tiles) {
    tiles = new Tiles(parentElement);
    instances.set(parentElement, tiles);
  }
  tiles.show(data, setTriggerValue);
  return () => {
    tiles.end();
    instances.delete(parentElement);
  };
}

class Tiles {
  constructor(root) {
    this.board = root.querySelector(".board");
    this.words = root.querySelector(".words");
    this.base = root.querySelector(".base");
    this.over = root.querySelector(".over");
    this.hovered = null; // {row, index}
    this.cursor = null; // the keyboard's place
    this.data = null;
    // A finger cannot point: its first tap on a tile does.
    const finger = event => event.pointerType === "touch";
    this.board.onpointermove = event => finger(event) || this.point(this.tileAt(event));
    this.board.onpointerleave = event => finger(event) || this.point(null);
    this.board.onclick = event => {
      const tile = this.tileAt(event);
      if (finger(event) && !same(tile, this.hovered)) this.point(tile);
      else if (tile) {
        this.cursor = tile;
        this.toggle(tile);
      }
    };
    this.board.onkeydown = event => this.key(event);
    this.board.onfocus = () => {
      if (this.board.matches(":focus-visible")) this.moveTo(this.cursor ?? { row: 0, index: 0 });
    };
    this.board.onblur = () => this.point(null);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.board);
  }

  end() {
    this.sizes.disconnect();
  }

  show(data, send) {
    const shape = JSON.stringify(data.rows.map(row => [row.title, row.places]));
    if (shape !== this.shape) {
      this.shape = shape;
      this.hovered = this.cursor = this.layout = null;
    }
    this.data = data;
    this.send = send;
    this.states = Object.fromEntries(Object.entries(data.groups).map(([number, group]) => [number, [...group.states]]));
    this.board.setAttribute("aria-label", data.label);
    this.draw();
  }

  // Where everything stands. The tiles are as large as the height allows, in as few columns as do.
  arrange(width, context) {
    const rows = this.data.rows;
    context.font = this.font();
    const label = Math.max(...rows.map(row => context.measureText(row.title).width)) + LABEL_GAP;
    const counts = rows.map(row => `${size(row)} / ${size(row)} ⚑`);
    const count = Math.max(...counts.map(text => context.measureText(text).width)) + LABEL_GAP;
    let best = null;
    for (const pitch of PITCHES) {
      for (let columns = 1; columns <= MAX_COLUMNS; columns++) {
        const column = (width - COLUMN_GAP * (columns - 1)) / columns;
        const across = Math.floor((column - label - count) / pitch);
        if (across * pitch < MIN_TILES_WIDE && columns > 1) continue;
        const heights = rows.map(row => Math.max(LINE, Math.ceil(size(row) / Math.max(1, across)) * pitch) + ROW_GAP);
        const split = balance(heights, columns);
        const candidate = { pitch, columns, column, across: Math.max(1, across), heights, split, label };
        candidate.height = Math.max(...split.map(part => part.reduce((sum, i) => sum + heights[i], 0)));
        if (candidate.height <= HIGHEST) return this.place(candidate);
        if (!best || candidate.height < best.height) best = candidate;
      }
    }
    return this.place(best);
  }

  place(layout) {
    layout.rows = [];
    layout.split.forEach((part, number) => {
      let y = 0;
      for (const i of part) {
        const x = number * (layout.column + COLUMN_GAP);
        layout.rows[i] = { x, y, left: x + layout.label, height: layout.heights[i] - ROW_GAP };
        y += layout.heights[i];
      }
    });
    return layout;
  }

  draw() {
    const width = this.board.clientWidth;
    if (!this.data || !width) return;
    const context = this.base.getContext("2d");
    if (!this.layout || this.layout.width !== width) this.layout = { ...this.arrange(width, context), width };
    const { height, pitch, rows } = this.layout;
    fit(this.base, width, height);
    const gap = pitch >= 12 ? 2 : 1;
    const { text } = this.theme();
    const marked = [];
    for (const [state, color, alpha] of [["kept", this.data.colors.kept, 1], ["cut", this.data.colors.cut, 0.38]]) {
      context.fillStyle = color;
      context.globalAlpha = alpha;
      this.data.rows.forEach((row, i) => {
        for (let index = 0; index < size(row); index++) {
          const character = this.states[row.group][placeOf(row, index)];
          if ("1k".includes(character) !== (state === "kept")) continue;
          const [x, y] = this.corner(i, index);
          context.fillRect(x, y, pitch - gap, pitch - gap);
          if ("kc".includes(character)) marked.push([x, y]);
        }
      });
    }
    context.globalAlpha = 1;
    context.strokeStyle = context.fillStyle = text;
    context.lineWidth = 2;
    for (const [x, y] of marked) context.strokeRect(x, y, pitch - gap, pitch - gap);
    context.font = this.font();
    context.textBaseline = "middle";
    this.data.rows.forEach((row, i) => {
      const at = rows[i];
      const middle = at.y + Math.min(at.height, Math.max(LINE, pitch)) / 2;
      context.textAlign = "left";
      context.fillText(row.title, at.x, middle);
      context.textAlign = "right";
      context.fillText(`${row.kept} / ${size(row)}${row.held ? " ⚑" : ""}`, at.x + this.layout.column, middle);
    });
    this.drawOver();
  }

  // What a pointer or the keyboard is on: the same channel in every layer that it lives and dies in.
  drawOver() {
    const { width, height, pitch, rows, column } = this.layout;
    const context = fit(this.over, width, height);
    const tile = this.hovered;
    if (!tile) {
      this.words.textContent = this.data.hint;
      return;
    }
    const group = this.data.rows[tile.row].group;
    const place = placeOf(this.data.rows[tile.row], tile.index);
    const { text } = this.theme();
    const gap = pitch >= 12 ? 2 : 1;
    this.data.rows.forEach((row, i) => {
      if (row.group !== group) return;
      const index = indexOf(row, place);
      if (index < 0) return;
      context.globalAlpha = 0.09;
      context.fillStyle = text;
      context.fillRect(rows[i].x - 4, rows[i].y - ROW_GAP / 2, column + 8, rows[i].height + ROW_GAP);
      context.globalAlpha = 1;
      const [x, y] = this.corner(i, index);
      const more = pitch < 12 ? 3 : 2;
      context.fillStyle = this.kept(group, place) ? this.data.colors.kept : this.data.colors.cut;
      context.fillRect(x - more, y - more, pitch - gap + 2 * more, pitch - gap + 2 * more);
      context.strokeStyle = text;
      context.lineWidth = 2;
      context.strokeRect(x - more, y - more, pitch - gap + 2 * more, pitch - gap + 2 * more);
    });
    this.words.textContent = this.say(tile);
  }

  say(tile) {
    const row = this.data.rows[tile.row];
    const group = this.data.groups[row.group];
    const place = placeOf(row, tile.index);
    const state = this.states[row.group][place];
    const fate = { 1: "stays", 0: "is cut", k: "stays, by hand", c: "is cut, by hand" }[state];
    const words = group.words[Number(group.kinds[place] ?? 0)];
    return `${row.title}, channel ${tile.index} ${fate}. ${this.data.score} ${group.scores[place]}. ${words}`;
  }

  kept(group, place) {
    return "1k".includes(this.states[group][place]);
  }

  corner(i, index) {
    const { pitch, across, rows } = this.layout;
    return [rows[i].left + (index % across) * pitch, rows[i].y + Math.floor(index / across) * pitch + 1];
  }

  tileAt(event) {
    if (!this.layout) return null;
    const box = this.board.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { pitch, across, rows, column } = this.layout;
    const row = rows.findIndex(at => x >= at.x && x <= at.x + column && y >= at.y && y < at.y + at.height);
    if (row < 0) return null;
    const [i, j] = [Math.floor((x - rows[row].left) / pitch), Math.floor((y - rows[row].y - 1) / pitch)];
    const index = j * across + i;
    return i < 0 || i >= across || j < 0 || index >= size(this.data.rows[row]) ? null : { row, index };
  }

  point(tile) {
    if (same(tile, this.hovered)) return;
    this.hovered = tile;
    this.board.classList.toggle("on-tile", Boolean(tile));
    if (this.layout) this.drawOver();
  }

  moveTo(tile) {
    this.cursor = tile;
    this.point(tile);
  }

  key(event) {
    const at = this.cursor ?? { row: 0, index: 0 };
    const rows = this.data.rows;
    const { across } = this.layout;
    const last = row => size(rows[row]) - 1;
    const next = { ...at };
    const to = (row, index) => Object.assign(next, { row, index: Math.max(0, Math.min(index, last(row))) });
    switch (event.key) {
      case "ArrowRight":
        if (at.index < last(at.row)) next.index++;
        else if (at.row + 1 < rows.length) to(at.row + 1, 0);
        break;
      case "ArrowLeft":
        if (at.index > 0) next.index--;
        else if (at.row > 0) to(at.row - 1, Infinity);
        break;
      case "ArrowDown":
        if (at.index + across <= last(at.row)) next.index += across;
        else if (at.row + 1 < rows.length) to(at.row + 1, at.index % across);
        break;
      case "ArrowUp":
        if (at.index >= across) next.index -= across;
        else if (at.row > 0) {
          const lines = Math.floor(last(at.row - 1) / across);
          to(at.row - 1, lines * across + (at.index % across));
        }
        break;
      case "Home":
        next.index = 0;
        break;
      case "End":
        next.index = last(at.row);
        break;
      case "Enter":
      case " ":
        this.toggle(at);
        break;
      case "Escape":
        this.point(null);
        return;
      default:
        return;
    }
    event.preventDefault();
    this.moveTo(next);
  }

  // The tile turns at once; the numbers follow when Python has measured.
  toggle({ row, index }) {
    const group = this.data.rows[row].group;
    const place = placeOf(this.data.rows[row], index);
    const keep = !this.kept(group, place);
    this.states[group][place] = keep ? "k" : "c";
    this.draw();
    this.send("toggled", { group, channel: place, keep });
  }

  theme() {
    return { text: getComputedStyle(this.board).color };
  }

  font() {
    return `${FONT_PX}px ${getComputedStyle(this.board).fontFamily}`;
  }
}

function same(tile, other) {
  return tile?.row === other?.row && tile?.index === other?.index;
}

function size(row) {
  return typeof row.places === "number" ? row.places : row.places.length;
}

function placeOf(row, index) {
  return typeof row.places === "number" ? index : row.places[index];
}

function indexOf(row, place) {
  if (typeof row.places === "number") return place < row.places ? place : -1;
  return row.places.indexOf(place);
}

// A canvas as sharp as the screen is; returns its context, empty.
function fit(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Rows in columns of about the same height, in order.
function balance(heights, columns) {
  const total = heights.reduce((sum, height) => sum + height, 0);
  let [low, high] = [Math.max(total / columns, ...heights), total];
  const split = limit => {
    const parts = [[]];
    let filled = 0;
    heights.forEach((height, i) => {
      if (filled + height > limit && parts[parts.length - 1].length) {
        parts.push([]);
        filled = 0;
      }
      parts[parts.length - 1].push(i);
      filled += height;
    });
    return parts;
  };
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (split(middle).length > columns) low = middle;
    else high = middle;
  }
  return split(high);
}
