"""The HTTP face measured; what it does stands in online.py.

python benchmarks/http.py [--quick] [--peers FOLDER] [--only single|batch]
"""

import sys

if __name__ == "__main__":
    from online import main

    main()
else:
    # A script of this folder is running, and some library wants the standard library's package of this name, which
    # this file stands before on the path: hand that one over.
    import importlib.machinery
    import importlib.util
    import sysconfig

    found = importlib.machinery.PathFinder.find_spec(__name__, [sysconfig.get_path("stdlib")])
    if found is None or found.loader is None:
        raise ModuleNotFoundError(__name__)
    sys.modules[__name__] = importlib.util.module_from_spec(found)
    found.loader.exec_module(sys.modules[__name__])
