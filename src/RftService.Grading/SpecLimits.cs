namespace RftService.Grading;

/// <summary>Longest texts that options of graders may hold, in UTF-16 units.</summary>
internal static class SpecLimits
{
    public const int Template = 8192;
    public const int Pattern = 2048;
    public const int Keyword = 256;
    public const int Keywords = 64;
    public const int Formula = 1024;
    public const int Parts = 32;
}
