"""`make rehearse`: the real package, deployed, used, broken and taken down again in an AWS of this machine's own."""
