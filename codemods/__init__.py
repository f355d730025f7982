"""One file per rule: the detector, the rewrite and, as its docstring, the rule's page. The machinery is in `engine`."""
