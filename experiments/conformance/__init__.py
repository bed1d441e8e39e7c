"""What every runner must do with a team, as cases and requirements that any runner can be held to.

`cases/PATTERN/` holds tiny teams with their scripted model, `play` runs one between real gateways,
`requirements` says what must be true of it, `card` holds one runner to all of it.
"""
