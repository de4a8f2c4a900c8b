"""How a page looks: light and dark as the reader's machine, in colours after the palette of Okabe and Ito.

People of every colour vision tell these colours apart; a sign carries each meaning, too, for those who print in grey.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --paper: #fff; --soft: #f2f4f7; --line: #c9ced6; --dim: #57606a;
  --link: #0550ae; --ok: #dcecf7; --ok-text: #06456f; --failed: #b84a00; --failed-text: #fff; --warning: #f3c14b;
  --warning-text: #2b1d00; --inconclusive: #8a3d72; --inconclusive-text: #fff; --skipped: #e4e7eb;
  --skipped-text: #57606a }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --paper: #14171b; --soft: #1e2329; --line: #414952;
  --dim: #9aa4af; --link: #79b8ff; --ok: #143449; --ok-text: #a9d6f5; --failed: #ff8c42; --failed-text: #1f0d00;
  --warning: #d9a520; --warning-text: #1d1400; --inconclusive: #dd9cc9; --inconclusive-text: #2b0a20;
  --skipped: #2b3138; --skipped-text: #9aa4af } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 80rem; font: 15px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--paper); overflow-wrap: anywhere }
h1 { font-size: 1.4rem; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem } p { margin: .3rem 0 } a { color: var(--link) }
.answer { font-size: 1.15rem; font-weight: 600 }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; margin: .5rem 0; color: var(--dim) }
.facts div { display: flex; gap: .4rem } .facts dt { font-weight: 600 } .facts dd { margin: 0 }
.status { display: inline-block; padding: 0 .5em; border-radius: .3em; font-weight: 600; white-space: nowrap }
.ok { background: var(--ok); color: var(--ok-text) } .failed { background: var(--failed); color: var(--failed-text) }
.warning { background: var(--warning); color: var(--warning-text) }
.inconclusive { background: var(--inconclusive); color: var(--inconclusive-text) }
.skipped { background: var(--skipped); color: var(--skipped-text) }
.cause { border: 1px solid var(--line); border-radius: .4rem; padding: .7rem 1rem; margin: .6rem 0;
  background: var(--soft) }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: .3rem; padding: .5rem; margin: .4rem 0;
  overflow-x: auto; overflow-wrap: normal; font: 13px/1.4 ui-monospace, monospace }
.note { border-left: .3rem solid var(--warning); padding-left: .7rem }
.dim { color: var(--dim) } .wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem } th { text-align: left }
th, td { padding: .15rem .5rem; border: 1px solid var(--line); vertical-align: top }
.grid { overflow-wrap: normal } .grid th { font-weight: 500; white-space: nowrap; background: var(--paper) }
.grid tbody th { position: sticky; left: 0 } .grid td { text-align: center; white-space: nowrap }
.signs td { min-width: 1.7rem; padding: .1rem .2rem }
.many thead th { writing-mode: vertical-rl; transform: rotate(180deg); padding: .4rem .1rem; vertical-align: bottom }
.map { display: block; font: 12px system-ui, sans-serif } .map text { fill: var(--text) }
.map .wire { stroke: var(--line); stroke-width: 3 } .map .wire.failed { stroke: var(--failed) }
.map .wire.warning { stroke: var(--warning) } .map .wire.inconclusive { stroke: var(--inconclusive) }
.map .stop circle, .map .stop rect { fill: var(--ok); stroke: var(--dim) } .map .stop text { fill: currentColor }
.map .stop.failed rect { fill: var(--failed) } .map .stop.warning rect { fill: var(--warning) }
.map .stop.inconclusive rect { fill: var(--inconclusive) } .map .stop.skipped circle { fill: var(--skipped) }
.map .host { stroke: var(--line); stroke-dasharray: 2 3 } .map .quiet { fill: var(--dim) }
details { margin: .4rem 0 } summary { cursor: pointer } ul { margin: .3rem 0; padding-left: 1.3rem }
progress { width: 12rem; accent-color: var(--link) }
@media print { body { max-width: none } .cause { break-inside: avoid } }
"""
