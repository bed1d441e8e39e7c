"""An embedded engine for OpenFlow documents (Windmill's flows): parse, evaluate, run.

`document` reads the document, `engine` runs it with `kinds`, `loops`, `pauses`, `stopping` and
`scripts`, and tells `happenings`; `fastpath` and `javascript` evaluate expressions; `agent_step`
and `agent_tools` are the only parts that know what an agent is. `generate` writes the documents of
teams. Semantics: Windmill's, as published.
"""
