"""The two faces of the services: HTTP and the command line."""
