"""How contracts of every origin become needs: pacts, recordings and models, readers' schemas. Pure."""
