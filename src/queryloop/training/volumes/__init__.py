"""Training and prediction on 3D volumes of which parts are labelled."""
