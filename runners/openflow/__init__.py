"""An embedded engine for OpenFlow documents (Windmill's flows): parse, evaluate, run.

`document` reads the document, `engine` runs it, `fastpath` and `javascript` evaluate expressions,
`agent_step` is the only part that knows what an agent is. Semantics: Windmill's, as published.
"""
