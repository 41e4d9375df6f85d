def draw_figures(folder, *, cache, draw=True):
    folder.mkdir(parents=True, exist_ok=True)
