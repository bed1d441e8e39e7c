"""The command line. One file per noun; a command's module is imported only when it is called."""
