// A board to draw on. Strokes stay in the browser; they are sent when the pen is lifted, and while it draws as often as
// answers come back.
//
// data: { strokes: [[[x, y], …], …] of a board whose sides are 1, answers: how many came back so far, hint }

const PEN = 0.07; // as a part of the board; what is read is made one size and one width
const SEND_MS = 250;
const LOST_MS = 4000; // an answer that takes longer is not waited for
const STEP = 0.03; // of an arrow key

const instances = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let board = instances.get(parentElement);
  if (!board) {
    board = new Board(parentElement, data);
    instances.set(parentElement, board);
  }
  board.send = strokes => setTriggerValue("drawn", strokes);
  board.answered(data.answers);
  return () => {
    board.end();
    instances.delete(parentElement);
  };
}

class Board {
  constructor(root, data) {
    this.canvas = root.querySelector(".board");
    this.canvas.setAttribute("aria-label", data.hint);
    this.canvas.title = data.hint;
    this.strokes = data.strokes;
    this.pen = null; // the stroke that is being drawn
    this.cursor = null; // the keyboard's place
    this.answers = data.answers;
    this.waits = false;
    this.news = false;
    const canvas = this.canvas;
    canvas.onpointerdown = event => {
      if (event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.cursor = null;
      this.begin(this.place(event));
    };
    canvas.onpointermove = event => {
      if (!this.pen) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) this.pen.push(this.place(one));
      this.changed();
    };
    canvas.onpointerup = canvas.onpointercancel = () => this.lift();
    canvas.onkeydown = event => this.key(event);
    canvas.onfocus = () => this.draw();
    canvas.onblur = () => {
      this.lift();
      this.cursor = null;
      this.draw();
    };
    root.querySelector(".undo").onclick = () => this.set(this.strokes.slice(0, -1));
    root.querySelector(".clear").onclick = () => this.set([]);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(canvas);
  }

  end() {
    this.watcher.disconnect();
    clearTimeout(this.timer);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (value, size) => Math.round(1000 * Math.min(Math.max(value / size, 0), 1)) / 1000;
    return [within(event.clientX - box.x, box.width), within(event.clientY - box.y, box.height)];
  }

  begin(place) {
    this.pen = [place];
    this.strokes = [...this.strokes, this.pen];
    this.changed();
  }

  lift() {
    if (!this.pen) return;
    this.pen = null;
    this.changed(true);
  }

  set(strokes) {
    this.pen = null;
    this.strokes = strokes;
    this.changed(true);
  }

  changed(now = false) {
    this.draw();
    this.news = true;
    if (now || !this.waits) this.soon(now ? 0 : SEND_MS);
  }

  soon(ms) {
    if (ms && this.timer) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      if (!this.news) return;
      this.news = false;
      this.waits = true;
      clearTimeout(this.lost);
      this.lost = setTimeout(() => (this.waits = false), LOST_MS);
      this.send(this.strokes);
    }, ms);
  }

  answered(count) {
    if (count === this.answers) return;
    this.answers = count;
    this.waits = false;
    if (this.news) this.soon(this.pen ? SEND_MS : 0);
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const from = this.cursor ?? [0.5, 0.5];
      this.cursor = from.map((value, i) => Math.min(Math.max(value + STEP * step[i], 0), 1));
      if (this.pen) this.pen.push(this.cursor);
      if (this.pen) this.changed();
      else this.draw();
    } else if (event.key === " ") {
      this.cursor ??= [0.5, 0.5];
      if (this.pen) this.lift();
      else this.begin(this.cursor);
    } else if (event.key === "Backspace") {
      this.set(this.strokes.slice(0, -1));
    } else return;
    event.preventDefault();
  }

  draw() {
    const side = this.canvas.clientWidth * devicePixelRatio;
    if (!side) return;
    this.canvas.width = this.canvas.height = side;
    const pen = this.canvas.getContext("2d");
    pen.lineWidth = PEN * side;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "#111";
    for (const stroke of this.strokes) {
      pen.beginPath();
      for (const [x, y] of stroke) pen.lineTo(x * side, y * side);
      if (stroke.length === 1) pen.lineTo(stroke[0][0] * side + 0.01, stroke[0][1] * side);
      pen.stroke();
    }
    if (this.cursor) {
      pen.beginPath();
      pen.arc(this.cursor[0] * side, this.cursor[1] * side, (PEN * side) / 2, 0, 7);
      pen.lineWidth = 2 * devicePixelRatio;
      pen.strokeStyle = this.pen ? "#2F6FED" : "#6B7A90";
      pen.stroke();
    }
  }
}
