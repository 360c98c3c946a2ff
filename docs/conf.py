"""The site: `make docs`. Building it needs no network, and its pages load nothing from anywhere else."""

import os
import sys
from pathlib import Path

import starbolt

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project, author = "Starbolt", "The Starbolt developers"
version = release = starbolt.__version__
copyright = f"{author}. Version {version}, BSD-3-Clause"

extensions = ["myst_nb", "sphinx.ext.autodoc", "plain_docstrings", "offline"]
exclude_patterns = ["results_notes.md", "_ext", "**/.ipynb_checkpoints"]  # the first is an input of scripts/results.py
highlight_language = "none"
smartquotes_action = "D"  # dashes alone: quotes are to be typed as they stand

myst_enable_extensions = ["dollarmath", "deflist", "attrs_block"]  # the last for the glossary
myst_heading_anchors = 4  # links such as data.md#the-store, as on GitHub

nb_execution_mode = "force" if os.environ.get("STARBOLT_DOCS_EXECUTE") else "off"
nb_execution_raise_on_error, nb_execution_timeout = True, 900
nb_execution_in_temp = True  # what the notebooks write stays out of docs/
nb_ipywidgets_js = {}  # would come from elsewhere

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!starbolt\b).*")]  # what others document: no list of theirs is fetched

linkcheck_timeout, linkcheck_workers = 20, 4
linkcheck_anchors = False
linkcheck_allowed_redirects = {r"https://doi\.org/.*": r".*"}

html_theme = "pydata_sphinx_theme"
html_title, html_favicon = "Starbolt", "_static/starbolt.svg"
html_static_path, templates_path = ["_static"], ["_templates"]
html_css_files = ["site.css"]
html_sidebars = {"**": ["sidebar-all"]}
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": "Starbolt", "image_light": "_static/starbolt.svg", "image_dark": "_static/starbolt.svg"},
    "navbar_center": [],  # all pages stand in the sidebar
    "icon_links": [{"name": "GitHub", "url": "https://github.com/starbolt/starbolt", "icon": "fa-brands fa-github"}],
    "use_edit_page_button": True,
    "secondary_sidebar_items": {"**": ["page-toc", "edit-this-page"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}
html_context = {"github_user": "starbolt", "github_repo": "starbolt", "github_version": "main", "doc_path": "docs"}
