"""The style sheet of the pieces in plain HTML, in the colours that the figures read."""

from compress_core.plots.tokens import COMPRESSED, COMPRESSED_TEXT, ORIGINAL, ORIGINAL_TEXT, THRESHOLD

_THRESHOLD_AS_DRAWN = "rgb({}, {}, {})".format(*bytes.fromhex(THRESHOLD[1:]))


def both(tokens: dict[str, str]) -> str:
    """A colour for either theme."""
    return f"light-dark({tokens['light']}, {tokens['dark']})"


LINE = "light-dark(#DCE2EA, #2B3544)"

STYLE = f"""<style>
.stMainBlockContainer {{ padding: 3.6rem clamp(1rem, 4vw - 1.6rem, 3rem) 2rem; }}
.st-key-cc-brand {{ margin: -3.4rem 0 -.4rem; height: 1.6rem; width: 80%; pointer-events: none; }}
.st-key-cc-brand h4 {{ padding: 0; font-size: 1.05rem; }}
.st-key-cc-pages {{ display: grid; grid-template-columns: auto auto; gap: 0 .2rem; margin: 0 -.5rem;
  width: calc(100% + 1rem); }}
.st-key-cc-pages > div {{ margin: 0 !important; min-width: max-content; }}
.st-key-cc-pages span {{ overflow: visible; }}
.st-key-cc-pages a {{ padding: .2rem .4rem; gap: .35rem; margin: 0; min-height: 0; }}
.st-key-cc-pages p {{ font-size: .9rem; line-height: 1.4; white-space: nowrap; }}
[data-testid="stMain"] [data-testid="stButtonGroup"] button {{ padding: 0 .65rem; }}
.st-key-cc-knobs {{ flex-wrap: nowrap; }}
.st-key-cc-knobs button {{ padding: .1rem .45rem; min-height: 2.2rem; }}
.st-key-cc-knobs button p {{ font-size: .9rem; }}
:is(.st-key-cc-knobs, .st-key-cc-tools, .st-key-cc-pins) [data-testid="stIconMaterial"] {{ display: none; }}
:is(.st-key-cc-tools, .st-key-cc-pins) button {{ padding: .1rem .55rem; min-height: 2.1rem; }}
:is(.st-key-cc-tools, .st-key-cc-pins) button p {{ font-size: .9rem; }}
@media (min-width: 1800px) {{ html {{ font-size: 18px !important; }} }} /* for the last row */
@media (max-width: 640px) {{
  .stMainBlockContainer {{ padding: 4rem 1rem 2rem; }}
  .cc-sentence {{ font-size: 1.1rem; }}
  .modebar-container, [data-testid="stElementToolbar"] {{ display: none; }} /* they lie over what they are about */
  [class*="st-key-cc-wide-"] {{ overflow-x: auto; }} /* figures that need their width are swiped */
  [class*="st-key-cc-wide-"] > div {{ min-width: 54rem; }}
  .katex-display, .stMarkdown:has(.katex) {{ overflow-x: auto; overflow-y: hidden; }}
  .stButtonGroup, .stButtonGroup > div {{ max-width: 100%; flex-wrap: wrap; }}
}}
.cc-sentence {{ font-size: 1.3rem; line-height: 1.4; font-weight: 600; margin: 0; min-height: 2.8em; }}
.cc-frame {{ container-type: inline-size; }}
.cc-cards {{ display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: .6rem; }}
@container (max-width: 800px) {{ .cc-cards {{ grid-template-columns: repeat(3, minmax(0, 1fr)); }} }}
@container (max-width: 500px) {{ .cc-cards {{ grid-template-columns: repeat(2, minmax(0, 1fr)); }} }}
.cc-card {{ border: 1px solid {LINE}; border-radius: 8px; padding: .55rem .7rem; min-width: 0; }}
.cc-label {{ font-size: .9rem; opacity: .8; white-space: nowrap; }}
.cc-value {{ font-size: 1.7rem; font-weight: 700; line-height: 1.2; color: {both(COMPRESSED_TEXT)};
  white-space: nowrap; }}
.cc-card.cc-same .cc-value {{ color: {both(ORIGINAL_TEXT)}; }}
.cc-was {{ font-size: .9rem; color: {both(ORIGINAL_TEXT)}; }}
.cc-note {{ font-size: .9rem; font-weight: 600; }}
.cc-steps {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .75rem; }}
.cc-step {{ min-width: 0; }}
.cc-step.cc-idle, .cc-step.cc-idle .cc-detail {{ color: {both(ORIGINAL_TEXT)}; opacity: 1; }}
.cc-step-head {{ display: flex; justify-content: space-between; font-size: .9rem; gap: .4rem; }}
.cc-step-head b {{ font-size: 1.05rem; white-space: nowrap; }}
.cc-bar {{ height: 10px; border-radius: 5px; background: {LINE}; margin: .15rem 0; position: relative; }}
.cc-bar > div {{ height: 100%; background: {COMPRESSED}; border-radius: 5px; }}
.cc-bar > i {{ position: absolute; top: -2px; bottom: -2px; width: 2px; background: light-dark(#31333F, #FAFAFA); }}
.cc-step:first-child .cc-bar > div {{ background: {ORIGINAL}; }}
.cc-detail {{ font-size: .875rem; opacity: .8; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.cc-strip {{ display: flex; flex-wrap: wrap; gap: .6rem; height: 152px; overflow: hidden; }}
.cc-album {{ height: auto; }}
.cc-tile {{ width: 86px; font-size: 14px; line-height: 22px; text-align: center; white-space: nowrap; }}
.cc-tile span {{ display: block; }}
.cc-tile img {{ width: 86px; height: 86px; image-rendering: pixelated; border-radius: 6px; display: block; }}
:is(.cc-tile, .cc-large) .cc-o {{ color: {both(ORIGINAL_TEXT)}; font-weight: 600; }}
:is(.cc-tile, .cc-large) .cc-c {{ color: {both(COMPRESSED_TEXT)}; font-weight: 700; }}
.cc-picture {{ width: 100%; max-width: 160px; image-rendering: pixelated; border-radius: 8px; display: block; }}
[class*="st-key-cc-line-"] {{ flex-wrap: nowrap; }}
[class*="st-key-cc-line-"] > :first-child {{ flex: 1 1 0; min-width: 0; }}
.stPopover button[kind="tertiary"] div[aria-hidden="true"] {{ display: none; }} /* the arrow beside a sign */
.cc-h {{ font-size: 1.05rem; font-weight: 600; margin: 0; }}
.js-plotly-plot :is(.infolayer, .cartesianlayer) text {{ fill: light-dark(#31333F, #FAFAFA) !important; }}
.js-plotly-plot .xerror {{ stroke: light-dark(#31333F, #FAFAFA) !important; }}
:has(> * [data-title="Close fullscreen"])[data-testid="stFullScreenFrame"] .stPlotlyChart::before {{
  content: attr(aria-label); position: fixed; top: 2px; left: 24px; right: 24px; height: 44px; overflow: hidden;
  font-size: 20px; line-height: 22px; font-weight: 600; }}
:has(> * [data-title="Close fullscreen"])[data-testid="stFullScreenFrame"] .js-plotly-plot text {{
  font-size: 22px !important; }}
.js-plotly-plot .shapelayer path[style*="stroke: {_THRESHOLD_AS_DRAWN}"] {{
  stroke: light-dark({THRESHOLD}, #FAFAFA) !important; }}
.cc-under-way {{ min-height: 2.8em; }}
.cc-under-way > div {{ height: 6px; border-radius: 3px; background: {LINE}; overflow: hidden; max-width: 420px; }}
.cc-under-way > div > div {{ height: 100%; background: currentColor; transition: width .4s linear; }}
.js-plotly-plot .menulayer text {{ fill: light-dark(#31333F, #FAFAFA) !important; }}
.js-plotly-plot .menulayer rect {{ fill: transparent !important; }}
.js-plotly-plot g.updatemenu-button:focus-visible {{ outline: 2px solid {both(COMPRESSED_TEXT)}; }}
.st-key-moves .js-plotly-plot .trace:first-child .textpoint text {{ fill: #FFFFFF !important; }}
:is(.stCheckbox, .stSlider, .stSelectbox):has(input:disabled) p {{ color: {both(ORIGINAL_TEXT)}; }}
:is([data-testid="stSliderThumbValue"], [data-selected="true"]) p {{ color: {both(COMPRESSED_TEXT)} !important; }}
[data-testid="stBaseButton-primary"] {{ background: {COMPRESSED_TEXT["light"]}; }}
.cc-read {{ font-size: .95rem; line-height: 1.4; opacity: .9; margin: 0; }}
</style>"""
