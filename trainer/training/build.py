"""Network construction from a recipe."""

from ferdesk.errors import DataError
from trainer.models.baselines import StackedAutoEncoder, TangNet
from trainer.models.network import ExpressionNet, Network
from trainer.recipes.config import Recipe


def build_network(recipe: Recipe) -> Network:
    """Network of ``recipe.system`` with random weights (torch's generator), in train mode.

    Raises:
        DataError: the system is none of the networks.
    """
    angular = recipe.loss == "a-softmax"
    if recipe.system == "cbam-resnet":
        return ExpressionNet(recipe.architecture)
    if recipe.system == "tang":
        return TangNet(recipe.width, recipe.crop_px, recipe.dropout, angular)
    if recipe.system == "zhang":
        return StackedAutoEncoder(recipe.width, recipe.crop_px, angular)
    raise DataError(
        f"{recipe.system} is not a network: it is a linear SVM over features made by hand."
    )
