"""The page: results as one HTML file that opens anywhere, needs no network, and can be sent to a colleague.

    report(path, results)  documents.py   results, live or saved, as plain documents
                           sections.py    a document as a section: prose, figures, tables (a file for each verb)
                           figures.py     what all figures share; Vega-Lite draws them, altair writes them
                           again.py       the command and the code that make a result again
                           page.py        sections as HTML (assets/page.html.j2), and what a browser may do with it

A result knows nothing of the page: sections.py chooses by the verb that made it.
"""
