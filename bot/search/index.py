def update(connection): pass
