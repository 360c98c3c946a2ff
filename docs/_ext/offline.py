"""What the site has otherwise than GitHub: formulas that browsers draw by themselves, and other links.

Links that lead out of docs/ are links to the repository; those that show the name of a page show its title.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).parents[1]
REPOSITORY = "https://github.com/{github_user}/{github_repo}"


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    app.connect("source-read", relinked)
    app.connect("include-read", lambda app, path, parent, text: relinked(app, parent, text))
    return {"parallel_read_safe": True}


def inline(writer, node):
    """A formula in a line."""
    writer.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def block(writer, node):
    """A formula of its own."""
    writer.body.append(mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def mathml(tex, as_block):
    """A formula; docutils sets an index of a letter with a hat below the letter, unless something stands between."""
    return tex2mathml(re.sub(r"(\\(?:hat|bar) ?(?:\w|\{[^{}]*\}))_", r"\1{}_", tex), as_block=as_block)


def relinked(app, docname, text):
    """A page's text with its links to files that are no pages of the site, such as ../LICENSE, as addresses."""
    here = (DOCS / docname).parent

    def led(found):
        path, mark, anchor = found[1].partition("#")
        target = (here / path).resolve()
        if target.is_relative_to(DOCS) or not target.exists():
            return found[0]
        kind = "tree" if target.is_dir() else "blob"
        place = target.relative_to(DOCS.parent).as_posix()
        return f"]({REPOSITORY.format(**app.config.html_context)}/{kind}/main/{place}{mark}{anchor})"

    text[0] = re.sub(r"\]\((\.\./[^)\s]+)\)", led, text[0])
    text[0] = re.sub(r"\[(?:docs/)?\w+\.md\](?=\(\S+\.md)", "[]", text[0])  # empty: MyST writes the title
