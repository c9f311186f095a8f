/**
 * The page that every slide is laid out on, in CSS pixels before scaling; slide.css says the same.
 *
 * It is one size on all screens, whatever their shape: only so does ink lie on the same words.
 */
export const PAGE_WIDTH = 1280;
export const PAGE_HEIGHT = 720;
